"""The way in, as LLVM text: one function of CPython's fast calls that serves every compiled core.

    PyObject *gate(PyObject *self, PyObject *const *args, Py_ssize_t nargs)      METH_FASTCALL

`self` is a tuple whose first item is an array of 64-bit words, the order (`HEAD`, then a `Record`
for each input and each output): what to expect, where the core is, and the addresses of the C-API.
So the code holds no address of its own and may be kept on disk, and a new core costs no compiling.
"""

from typing import NamedTuple

# fmt: off
HEAD = (
    "inputs", "outputs", "constants", "pointers",        # how many; pointers is all together, + 1
    "release",                                           # whether the GIL is let go meanwhile
    "bytes", "room", "taken",                            # the workspace: size, a buffer, in use?
    "core", "table", "slow", "reference",                # code, constants' addresses, two callables
    "array_type",
    "vectorcall", "incref", "decref", "new_list", "set_item", "save", "restore", "malloc", "free",
    "new_array", "new_scalar",                           # NumPy's
)
RECORD = ("dtype", "kind", "ndim", "shape", "scalar", "number", "value", "spare")
# fmt: on
WORD = {name: i for i, name in enumerate(HEAD)}
"""Where each word of the order stands."""


class Layout(NamedTuple):
    """Where things stand inside Python's and NumPy's objects, in bytes; `entry` finds them out."""

    type: int
    item: int
    data: int
    ndim: int
    shape: int
    dtype: int
    flags: int
    kind: int


def _get(name: str, word: str, type: str = "ptr") -> str:
    """%name = the word of that name of the order."""
    return (
        f"  %{name}.at = getelementptr i64, ptr %order, i64 {WORD[word]}\n"
        f"  %{name} = load {type}, ptr %{name}.at, align 8"
    )


def _field(name: str, record: str, field: str, type: str = "ptr") -> str:
    """%name = a field of a record."""
    return (
        f"  %{name}.at = getelementptr i64, ptr %{record}, i64 {RECORD.index(field)}\n"
        f"  %{name} = load {type}, ptr %{name}.at, align 8"
    )


def _member(name: str, thing: str, offset: int, type: str = "ptr") -> str:
    """%name = what stands so many bytes into an object."""
    return (
        f"  %{name}.at = getelementptr i8, ptr %{thing}, i64 {offset}\n"
        f"  %{name} = load {type}, ptr %{name}.at, align 4"
    )


def text(at: Layout) -> str:
    """The gate, for objects laid out so."""
    return "\n".join([_enter(at), _check(at), _make(at), _run(), _hand_back(), _refuse()])


def _enter(at: Layout) -> str:
    return f"""
define ptr @gate(ptr %self, ptr %args, i64 %nargs) nounwind "no-stack-arg-probe" {{
entry:
{_member("words", "self", at.item)}
{_member("order", "words", at.data)}
{_get("inputs", "inputs", "i64")}
{_get("outputs", "outputs", "i64")}
{_get("pointers", "pointers", "i64")}
{_get("vectorcall", "vectorcall")}
{_get("decref", "decref")}
  %counted = icmp eq i64 %nargs, %inputs
  br i1 %counted, label %sized, label %slow
sized:
  %p = alloca ptr, i64 %pointers, align 16       ; what the core is given
  %made = alloca ptr, i64 %outputs, align 16     ; the results, null until they are made
  %slots = alloca i128, i64 %outputs, align 16   ; where the core puts numbers
  %records = getelementptr i64, ptr %order, i64 {len(HEAD)}
{_get("array_type", "array_type")}
  %any = icmp sgt i64 %inputs, 0
  br i1 %any, label %check, label %checked
"""


def _check(at: Layout) -> str:
    """Each argument is exactly what the core was compiled for, or the slow way is taken."""
    return f"""
check:
  %i = phi i64 [ 0, %sized ], [ %i.next, %fits ]
  %want = phi ptr [ %records, %sized ], [ %want.next, %fits ]
  %arg.at = getelementptr ptr, ptr %args, i64 %i
  %arg = load ptr, ptr %arg.at, align 8
{_member("type", "arg", at.type)}
  %is_array = icmp eq ptr %type, %array_type
  br i1 %is_array, label %array, label %number
array:
{_member("dtype", "arg", at.dtype)}
{_field("want_dtype", "want", "dtype")}
  %same = icmp eq ptr %dtype, %want_dtype
  br i1 %same, label %layout, label %twin
twin:                                            ; pickle makes dtypes that equal NumPy's own
{_member("kind", "dtype", at.kind, "i64")}
{_field("want_kind", "want", "kind", "i64")}
  %equal = icmp eq i64 %kind, %want_kind
  br i1 %equal, label %layout, label %slow
layout:
{_member("flags", "arg", at.flags, "i32")}
  %straight = and i32 %flags, 257                ; C-contiguous and aligned
  %is_straight = icmp eq i32 %straight, 257
{_member("ndim32", "arg", at.ndim, "i32")}
  %ndim = sext i32 %ndim32 to i64
{_field("want_ndim", "want", "ndim", "i64")}
  %same_ndim = icmp eq i64 %ndim, %want_ndim
  %good = and i1 %is_straight, %same_ndim
  br i1 %good, label %axes, label %slow
axes:
{_member("data", "arg", at.data)}
  %has_axes = icmp sgt i64 %ndim, 0
  br i1 %has_axes, label %shapes, label %fits
shapes:
{_member("shape", "arg", at.shape)}
{_field("want_shape", "want", "shape")}
  br label %axis
axis:
  %k = phi i64 [ 0, %shapes ], [ %k.next, %axis.same ]
  %n.at = getelementptr i64, ptr %shape, i64 %k
  %n = load i64, ptr %n.at, align 8
  %want_n.at = getelementptr i64, ptr %want_shape, i64 %k
  %want_n = load i64, ptr %want_n.at, align 8
  %same_n = icmp eq i64 %n, %want_n
  br i1 %same_n, label %axis.same, label %slow
axis.same:
  %k.next = add i64 %k, 1
  %more_axes = icmp slt i64 %k.next, %ndim
  br i1 %more_axes, label %axis, label %fits
number:                                          ; np.float64 or float where the shape is ()
{_field("scalar", "want", "scalar")}
{_field("plain", "want", "number")}
{_field("value", "want", "value", "i64")}
  %is_scalar = icmp eq ptr %type, %scalar
  %is_plain = icmp eq ptr %type, %plain
  %is_number = or i1 %is_scalar, %is_plain
  %inside = getelementptr i8, ptr %arg, i64 %value
  br i1 %is_number, label %fits, label %slow
fits:
  %from = phi ptr [ %data, %axes ], [ %data, %axis.same ], [ %inside, %number ]
  %p.at = getelementptr ptr, ptr %p, i64 %i
  store ptr %from, ptr %p.at, align 8
  %i.next = add i64 %i, 1
  %want.next = getelementptr i64, ptr %want, i64 {len(RECORD)}
  %more = icmp slt i64 %i.next, %inputs
  br i1 %more, label %check, label %checked
"""


def _make(at: Layout) -> str:
    """The results' arrays, the constants' addresses and the workspace."""
    return f"""
checked:
  %results = phi ptr [ %records, %sized ], [ %want.next, %fits ]
{_get("new_array", "new_array")}
{_get("incref", "incref")}
  %p.results = getelementptr ptr, ptr %p, i64 %inputs
  br label %more_results
more_results:
  %j = phi i64 [ 0, %checked ], [ %j.next, %placed ]
  %give = phi ptr [ %results, %checked ], [ %give.next, %placed ]
  %place = getelementptr ptr, ptr %p.results, i64 %j
  %all_made = icmp eq i64 %j, %outputs
  br i1 %all_made, label %give_constants, label %result
result:
  %made.at = getelementptr ptr, ptr %made, i64 %j
{_field("give_ndim", "give", "ndim", "i64")}
  %is_zero = icmp eq i64 %give_ndim, 0
  br i1 %is_zero, label %slot, label %new
slot:
  %slot.at = getelementptr i128, ptr %slots, i64 %j
  br label %placed
new:
{_field("give_dtype", "give", "dtype")}
{_field("give_shape", "give", "shape")}
  call void %incref(ptr %give_dtype)             ; the new array takes it
  %give_ndim32 = trunc i64 %give_ndim to i32
  %fresh = call ptr %new_array(ptr %array_type, ptr %give_dtype, i32 %give_ndim32, ptr %give_shape,
                               ptr null, ptr null, i32 0, ptr null)
  %failed = icmp eq ptr %fresh, null
  br i1 %failed, label %drop, label %new.good
new.good:
{_member("fresh_data", "fresh", at.data)}
  br label %placed
placed:
  %to = phi ptr [ %slot.at, %slot ], [ %fresh_data, %new.good ]
  %holder = phi ptr [ null, %slot ], [ %fresh, %new.good ]
  store ptr %to, ptr %place, align 8
  store ptr %holder, ptr %made.at, align 8
  %j.next = add i64 %j, 1
  %give.next = getelementptr i64, ptr %give, i64 {len(RECORD)}
  br label %more_results
give_constants:
{_get("table", "table")}
{_get("constants", "constants", "i64")}
{_get("bytes", "bytes", "i64")}
{_get("taken", "taken", "i64")}
{_get("room", "room")}
  br label %more_constants
more_constants:
  %c = phi i64 [ 0, %give_constants ], [ %c.next, %constant ]
  %all_given = icmp eq i64 %c, %constants
  %c.next = add i64 %c, 1
  br i1 %all_given, label %workspace, label %constant
constant:
  %c.from = getelementptr ptr, ptr %table, i64 %c
  %c.data = load ptr, ptr %c.from, align 8
  %c.to = getelementptr ptr, ptr %place, i64 %c.next
  store ptr %c.data, ptr %c.to, align 8
  br label %more_constants
workspace:                                       ; the GIL is held, so `taken` needs no atomics
  %needs = icmp sgt i64 %bytes, 0
  br i1 %needs, label %which, label %run
which:
  %is_free = icmp eq i64 %taken, 0
  %has_room = icmp ne ptr %room, null
  %may_take = and i1 %is_free, %has_room
  br i1 %may_take, label %take, label %borrow
take:
  store i64 1, ptr %taken.at, align 8
  br label %run
borrow:
{_get("malloc", "malloc")}
  %wider = add i64 %bytes, 64
  %raw = call ptr %malloc(i64 %wider)
  %poor = icmp eq ptr %raw, null
  br i1 %poor, label %no_memory, label %align
align:
  %beyond = getelementptr i8, ptr %raw, i64 63
  %aligned = call ptr @llvm.ptrmask.p0.i64(ptr %beyond, i64 -64)
  br label %run
"""


def _run() -> str:
    """The core itself."""
    return f"""
run:
  %space = phi ptr [ null, %workspace ], [ %room, %take ], [ %aligned, %align ]
  %borrowed = phi ptr [ null, %workspace ], [ null, %take ], [ %raw, %align ]
  %took = phi i1 [ false, %workspace ], [ true, %take ], [ false, %align ]
  store ptr %space, ptr %place, align 8
{_get("core", "core")}
{_get("release", "release", "i64")}
  %alone = icmp eq i64 %release, 0
  br i1 %alone, label %short, label %long
short:
  %status.short = call i32 %core(ptr %p)
  br label %ran
long:
{_get("save", "save")}
{_get("restore", "restore")}
  %thread = call ptr %save()
  %status.long = call i32 %core(ptr %p)
  call void %restore(ptr %thread)
  br label %ran
ran:
  %status = phi i32 [ %status.short, %short ], [ %status.long, %long ]
  br i1 %took, label %put_back, label %not_taken
put_back:
  store i64 0, ptr %taken.at, align 8
  br label %judged
not_taken:
  %was_borrowed = icmp ne ptr %borrowed, null
  br i1 %was_borrowed, label %return_it, label %judged
return_it:
{_get("free", "free")}
  call void %free(ptr %borrowed)
  br label %judged
judged:
  %fine = icmp eq i32 %status, 0
  br i1 %fine, label %well, label %drop
"""


def _hand_back() -> str:
    """A list of the results; those of shape () become NumPy's scalars."""
    return f"""
well:
{_get("new_list", "new_list")}
{_get("set_item", "set_item")}
{_get("new_scalar", "new_scalar")}
  %list = call ptr %new_list(i64 %outputs)
  %no_list = icmp eq ptr %list, null
  br i1 %no_list, label %drop, label %fill
fill:
  %f = phi i64 [ 0, %well ], [ %f.next, %put ]
  %full = icmp eq i64 %f, %outputs
  br i1 %full, label %done, label %item
item:
  %item.at = getelementptr ptr, ptr %made, i64 %f
  %ready = load ptr, ptr %item.at, align 8
  %is_ready = icmp ne ptr %ready, null
  br i1 %is_ready, label %put, label %wrap
wrap:
  %wrap.step = mul i64 %f, {len(RECORD)}
  %wrap.record = getelementptr i64, ptr %results, i64 %wrap.step
{_field("wrap_dtype", "wrap.record", "dtype")}
  %wrap.from = getelementptr i128, ptr %slots, i64 %f
  %wrapped = call ptr %new_scalar(ptr %wrap.from, ptr %wrap_dtype, ptr null)
  %unwrapped = icmp eq ptr %wrapped, null
  br i1 %unwrapped, label %lose, label %put
put:
  %thing = phi ptr [ %ready, %item ], [ %wrapped, %wrap ]
  %set = call i32 %set_item(ptr %list, i64 %f, ptr %thing)
  store ptr null, ptr %item.at, align 8          ; the list owns it now
  %f.next = add i64 %f, 1
  br label %fill
done:
  ret ptr %list
lose:
  call void %decref(ptr %list)
  br label %drop
"""


def _refuse() -> str:
    """What was made is let go; then the slow way, the reference, or the error that is set."""
    return f"""
no_memory:                                       ; the slow way tries once more, and says it well
{_get("poor_way", "slow")}
  br label %drop
drop:
  %built = phi i64 [ %j, %new ], [ %outputs, %no_memory ], [ %outputs, %judged ],
                   [ %outputs, %well ], [ %outputs, %lose ]
  %other = phi ptr [ null, %new ], [ %poor_way, %no_memory ], [ null, %judged ],
                   [ null, %well ], [ null, %lose ]
  %rerun = phi i1 [ false, %new ], [ true, %no_memory ], [ true, %judged ],
                  [ false, %well ], [ false, %lose ]
  br label %more_drops
more_drops:
  %g = phi i64 [ 0, %drop ], [ %g.next, %dropped ]
  %none_left = icmp eq i64 %g, %built
  br i1 %none_left, label %after, label %one
one:
  %one.at = getelementptr ptr, ptr %made, i64 %g
  %gone = load ptr, ptr %one.at, align 8
  %is_there = icmp ne ptr %gone, null
  br i1 %is_there, label %let_go, label %dropped
let_go:
  call void %decref(ptr %gone)
  br label %dropped
dropped:
  %g.next = add i64 %g, 1
  br label %more_drops
after:
  br i1 %rerun, label %again, label %raise
raise:
  ret ptr null
again:
{_get("reference", "reference")}
  %is_rich = icmp eq ptr %other, null
  %next = select i1 %is_rich, ptr %reference, ptr %other
  %answer = call ptr %vectorcall(ptr %next, ptr %args, i64 %nargs, ptr null)
  ret ptr %answer
slow:
{_get("slow_way", "slow")}
  %slowly = call ptr %vectorcall(ptr %slow_way, ptr %args, i64 %nargs, ptr null)
  ret ptr %slowly
}}
declare ptr @llvm.ptrmask.p0.i64(ptr, i64)
"""
