x = ((((((((((a.b(c)[d](lambda: {e: [f for g in h if i]}))))))))))
def a():
 def b():
  def c():
   class D:
    if x:
     while y:
      with z as w:
       try:
        return lambda: (yield)
       finally:
        match q:
         case [A(b=c), *_] | {"k": v, **rest} if v: pass
