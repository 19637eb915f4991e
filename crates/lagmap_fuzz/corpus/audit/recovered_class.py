class A:
      x = [1,def f(self): 2
    async def g(self)):
<<<<<<< HEAD
        return {
=======
  print "x"
>>>>> > other
    exec "code" in ns
 def h(): pass
	except:
  return lambda: (yield)
       finally:
        match q:
         case [A(b=c), *_] | {"k": v, **rest} if v: pass
