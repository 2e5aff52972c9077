from wengert.backends.llvm.words import arithmetic, circular, exponentials, hyperbolic
from wengert.ir.primitive import REGISTRY
WORDS={}
for m in (arithmetic, circular, exponentials, hyperbolic):
    for k,v in vars(m).items():
        n=k.rstrip("_")
        if callable(v) and n in REGISTRY.primitives and getattr(v,"__module__","")==m.__name__: WORDS[n]=v
WORDS["stop_gradient"]=WORDS["real"]=arithmetic.same
WORDS["absolute"]=WORDS["fabs"]=arithmetic.absolute if hasattr(arithmetic,"absolute") else None
