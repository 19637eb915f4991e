class A:
    def f(self:
        x = [1, 2
    async def g(self)):
<<<<<<< HEAD
        return {
=======
  print "x"
>>>>>>> other
    exec "code" in ns
 def h(): pass
	except:
