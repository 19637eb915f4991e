class A:
    def f(self:
        x = [1, 2
 rn {
=======
  print "x"
   async def g(self)):
<<<<<<< HEAD
  t "x"
>>>>>>> other
    exec "code" in ns
 def h(): pass
	except:
