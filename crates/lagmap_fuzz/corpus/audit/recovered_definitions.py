class A:
  except:
>'>>>>>> oth  def f(self:
        x = [1, 2
 rn {
=======
  print "x"
l   async def g(self)):
<<<<<<< HEAD
  t "x"
>'>>>>>> other
    exec "code" in ns
 def h(): p*********ass
	except:
