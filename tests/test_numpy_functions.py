"""Every NumPy function that wengert spells, called in several ways: its value is NumPy's own.

A row is a call as one writes it. The names in it are the arrays of `ARRAYS`; each row is run on stand-ins
that know their values, under jit, and differentiated in both modes against differences. Value, shape and
dtype are NumPy's bits, but for the functions in `ROUNDED`, which are computed in another order.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert
from wengert import tree
from wengert.errors import ConcreteError, UnsupportedError
from wengert.ir.primitive import REGISTRY
from wengert.trace.spellings.methods import SAME
from wengert.trace.tracer import SPELLINGS

RNG = np.random.default_rng(1)


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return RNG.uniform(low, high, shape)


def posdef(*lead: int) -> Any:
    a = draw(*lead, 3, 3)
    return a @ np.swapaxes(a, -1, -2) + 3 * np.eye(3)


# fmt: off
ARRAYS: dict[str, Any] = {
    "s": np.float64(0.7), "v": draw(4), "w": draw(4), "g": np.sort(draw(5)), "m": draw(3, 4), "n": draw(3, 4), "k": draw(4, 3),
    "q": draw(3, 3) + 2 * np.eye(3), "Q": draw(2, 3, 3) + 3 * np.eye(3), "h": posdef(), "H": posdef(2), "t": draw(2, 3, 4), "r": draw(3),
    "p": draw(3, 4, low=0.2), "u": draw(3, 4, low=-0.9, high=0.9), "o": draw(3, 4, low=1.1, high=3.0), "x1": draw(1, 4), "x6": draw(6),
    "z": draw(3) + 1j * draw(3), "c": draw(2, 3) + 1j * draw(2, 3), "f": draw(3, 4).astype("f4"), "e": np.zeros((0, 3)),
    "N": np.array([[1.0, np.nan, 2.5], [np.nan, -1.0, 0.5]]), "Z": np.array([0.0, 0.0, 1.5, 2.0, 0.0]),
    "i": np.array([2, 0, 3, 1]), "j": np.array([[0, 2, 1]]), "I": np.array([[3, 1, 2, 5], [4, 0, 6, 1], [2, 7, 3, 9]]), "y": np.array([1, 2, 3], "u1"),
    "b": np.array([True, False, True, True]), "B": draw(3, 4) > 0,
}
BINARY_DOMAIN = {"power": ("p", "m"), "float_power": ("p", "m"), "arctan2": ("m", "n"), "copysign": ("m", "n"), "divide": ("m", "p"), "remainder": ("m", "p"), "fmod": ("m", "p"), "floor_divide": ("m", "p"), "divmod": ("m", "p")}
UNARY_DOMAIN = {"sqrt": "p", "cbrt": "p", "log": "p", "log2": "p", "log10": "p", "log1p": "p", "arcsin": "u", "arccos": "u", "arctanh": "u", "arccosh": "o", "reciprocal": "p"}
INTEGER = {"invert", "bitwise_count", "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"}
FLAT = {"floor", "ceil", "trunc", "rint", "fix", "round", "around"}  # no differences across their jumps
OWN = {"matmul", "matvec", "vecmat", "vecdot", "ldexp", "frexp", "divmod"}  # rows below

ROWS = """
np.real(z) np.real(m) np.real(s) np.imag(z) np.imag(m) np.angle(z) np.angle(z,deg=True) np.angle(m) np.real_if_close(m) np.conjugate(m) z.conj() z.real z.imag m.real
np.astype(m,np.float32) np.astype(f,np.float64) np.astype(I,float) m.astype(np.float32) m.astype("c16") np.astype(B,int) m.astype(bool) z.astype("c8")
np.where(m>0,m,n) np.where(B,m,0.0) np.where(B,1,f) np.where(b,m,x1) np.where(B,f,I) np.where(b,2.0,3) np.where(I,m,n) np.where(s>0,m,n) np.where(m>0,z[0],m)
np.clip(m,-1,1) np.clip(m,None,0.5) np.clip(m,-0.5,None) np.clip(m,v-1,v+1) np.clip(m,min=-0.3,max=0.4) m.clip(-1,1) m.clip(max=0.3) np.clip(I,2,5) np.clip(f,-1,1)
np.nan_to_num(N) np.nan_to_num(N,nan=3.0) np.nan_to_num(m/0.5) np.nan_to_num(N,posinf=1.0,neginf=-1.0) np.sinc(m) np.sinc(v/50) np.sinc(Z)
np.round(m) np.round(m,2) np.round(I) np.around(m,1) m.round(1) np.round(m*100,-1) np.fix(m) np.round(z,1) np.round(I*11,-1) np.round(f,1)
np.zeros_like(m) np.zeros_like(m,dtype=int) np.zeros_like(m,shape=(2,)) np.empty_like(e) np.ones_like(m) np.ones_like(I,dtype=float) np.full_like(m,3) np.full_like(m,s) np.full_like(I,2.5,dtype=float) np.full_like(f,s)
np.result_type(m,f) np.iscomplexobj(z) np.isrealobj(m) np.shape(m) np.ndim(m) np.size(m) np.size(m,1) np.size(m,-1) np.copy(m) m.copy() len(m) m.size m.ndim m.shape m.dtype m.nbytes m.itemsize
np.fft.fft(v) np.fft.fft(z) np.fft.fft(m,axis=0) np.fft.fft(m,6) np.fft.fft(m,2,axis=1) np.fft.fft(v,norm="ortho") np.fft.fft(v,norm="forward") np.fft.fft(f)
np.fft.ifft(z) np.fft.ifft(m,axis=0) np.fft.ifft(z,5,norm="ortho") np.fft.rfft(v) np.fft.rfft(r) np.fft.rfft(m,axis=0) np.fft.rfft(m,7) np.fft.rfft(v,norm="forward") np.fft.rfft(f)
np.fft.irfft(z) np.fft.irfft(z,5) np.fft.irfft(c,axis=0) np.fft.irfft(c,norm="ortho") np.fft.hfft(z) np.fft.hfft(c,5,axis=1) np.fft.ihfft(v) np.fft.ihfft(m,3,axis=0)
np.fft.fftn(m) np.fft.fftn(t,axes=(0,2)) np.fft.fftn(t,(2,5)) np.fft.fftn(c,norm="ortho") np.fft.ifftn(c) np.fft.ifftn(t,axes=(1,)) np.fft.rfftn(m) np.fft.rfftn(t,axes=(0,1)) np.fft.rfftn(m,(4,6)) np.fft.irfftn(c) np.fft.irfftn(c,(2,5),axes=(0,1))
np.fft.fft2(m) np.fft.fft2(t,norm="ortho") np.fft.ifft2(c) np.fft.rfft2(t) np.fft.irfft2(c) np.fft.irfft2(c,(2,5)) np.fft.fftshift(m) np.fft.fftshift(m,axes=1) np.fft.fftshift(v) np.fft.ifftshift(m) np.fft.ifftshift(r)
np.take(v,i) np.take(m,i) np.take(m,[0,2],axis=0) np.take(m,i,axis=1) np.take(m,i,axis=-1) np.take(t,j,axis=1) np.take(m,-1,axis=0) np.take(m,[5,-7],axis=1,mode="wrap") np.take(m,[5,-7],axis=1,mode="clip") m.take([0,1]) np.take(v,1)
np.take_along_axis(m,np.argsort(m,1),1) np.take_along_axis(m,np.array([[0,2,1,1]]),axis=0) np.take_along_axis(m,np.array([[0],[1],[3]]),-1) np.take_along_axis(m,np.array([3,1]),None)
np.diagonal(m) np.diagonal(m,1) np.diagonal(m,-1) np.diagonal(t,0,1,2) np.diagonal(t,axis1=2,axis2=0) m.diagonal() np.linalg.diagonal(t) np.linalg.diagonal(t,offset=1)
np.diag(m) np.diag(v) np.diag(v,1) np.diag(v,-2) np.diag(m,k=1) np.diag(z) np.diagflat(v) np.diagflat(m[:2,:2],1)
np.trace(m) np.trace(m,1) np.trace(t,0,1,2) np.trace(I) np.trace(f) m.trace() np.linalg.trace(Q) np.linalg.trace(Q,offset=-1) np.trace(y[:,None]*y)
np.tril(m) np.tril(m,1) np.tril(t,-1) np.triu(m) np.triu(m,-1) np.triu(t,1) np.tril(I) np.triu(z*c)
np.nonzero(B) np.nonzero(Z) Z.nonzero() np.flatnonzero(B) np.argwhere(B) np.where(B) np.compress(b,v) np.compress([True,False,True],m,axis=0) np.compress([0,1,1],m,axis=-1) np.compress([True,True],m) v.compress(b) np.extract(B,m) np.extract(m>0,m) np.trim_zeros(Z) np.trim_zeros(Z,"f") m[B] m[m>0] v[b] m[:,b] t[:,B] m[b[:3]] m[b[:3],1:]
np.choose(i%2,[v,w]) np.choose(I%3,[m,n,x1]) np.choose(np.array([0,1,1,0]),[v,0.0]) np.select([m>1,m>0],[m,n]) np.select([m>1,m>0],[m,2.0],default=-1) np.select([B],[m],default=n)
np.sort(m) np.sort(m,axis=0) np.sort(m,None) np.sort(m,-2) np.sort(m,kind="stable") np.sort(I,0) np.argsort(m) np.argsort(m,0) np.argsort(m,axis=None) np.argsort(I,kind="stable") m.argsort(1) np.sort_complex(v) np.partition(g,2) np.argpartition(g,2) g.argpartition(1)
np.searchsorted(g,v) np.searchsorted(g,m) np.searchsorted(g,v,side="right") np.searchsorted(g,s) g.searchsorted(v) np.searchsorted(x6,v,sorter=np.argsort(x6))
np.linalg.solve(q,r) np.linalg.solve(q,k[:3]) np.linalg.solve(Q,k[:3]) np.linalg.solve(Q,t) np.linalg.solve(h,r) np.linalg.solve(q,z) np.linalg.solve(I[:,:3]+9*np.eye(3),r)
np.linalg.inv(q) np.linalg.inv(Q) np.linalg.inv(q*(1+1j)) np.linalg.inv(q.astype("f4")) np.linalg.pinv(m) np.linalg.pinv(k) np.linalg.pinv(q) np.linalg.pinv(t) np.linalg.lstsq(k,v)[0] np.linalg.lstsq(k,k[:,:2])[0] np.linalg.lstsq(k,v)[1] np.linalg.lstsq(k,v)[3] np.linalg.tensorsolve(q.reshape(3,1,3),r.reshape(3,1)) np.linalg.tensorinv(q.reshape(3,3),1)
np.linalg.matrix_power(q,3) np.linalg.matrix_power(q,0) np.linalg.matrix_power(q,-2) np.linalg.matrix_power(Q,2) np.linalg.multi_dot([m,k,q]) np.linalg.multi_dot([v,k]) np.linalg.multi_dot([v,k,r]) np.linalg.matrix_transpose(t) np.matrix_transpose(m)
np.linalg.det(q) np.linalg.det(Q) np.linalg.det(q*(1+1j)) np.linalg.slogdet(q) np.linalg.slogdet(Q) np.linalg.slogdet(-q) np.linalg.cholesky(h) np.linalg.cholesky(H) np.linalg.qr(k) np.linalg.qr(q) np.linalg.qr(k,"r") np.linalg.qr(t)
np.linalg.eigh(h) np.linalg.eigh(H) np.linalg.eigh(h,"U") np.linalg.eigvalsh(h) np.linalg.eigvalsh(H) np.linalg.eigvals(h+0.1*q)+0j np.linalg.eig(h+0.1*q)[0]+0j np.linalg.svd(m,full_matrices=False) np.linalg.svd(k,compute_uv=False) np.linalg.svd(q) np.linalg.svdvals(t) np.linalg.matrix_rank(m) np.linalg.cond(q) np.linalg.cond(q,1) np.linalg.cond(m,-2)
np.linalg.norm(v) np.linalg.norm(m) np.linalg.norm(m,axis=0) np.linalg.norm(m,axis=-1,keepdims=True) np.linalg.norm(v,1) np.linalg.norm(v,3) np.linalg.norm(v,np.inf) np.linalg.norm(v,-np.inf) np.linalg.norm(v,0) np.linalg.norm(m,1) np.linalg.norm(m,np.inf) np.linalg.norm(m,"fro") np.linalg.norm(m,"nuc") np.linalg.norm(m,2) np.linalg.norm(m,-2) np.linalg.norm(t,axis=(0,2)) np.linalg.norm(z) np.linalg.norm(f) np.linalg.norm(t)
np.linalg.vector_norm(m) np.linalg.vector_norm(m,axis=1) np.linalg.vector_norm(t,axis=(0,1),keepdims=True) np.linalg.vector_norm(v,ord=3) np.linalg.matrix_norm(t) np.linalg.matrix_norm(t,keepdims=True) np.linalg.matrix_norm(m,ord=2)
np.linalg.vecdot(m,n) np.linalg.vecdot(t,t,axis=1) np.linalg.matmul(m,k) np.matmul(m,k) np.matmul(v,k) np.matmul(m,v) np.matmul(v,w) np.matmul(t,k) np.matmul(Q,t) np.matmul(f,k) np.matmul(I,k) np.matmul(Q[:,None],t) np.matmul(e,m) m@k v@w t@v v@k np.matmul(c,z) np.matmul(x1,k)
np.matvec(m,v) np.matvec(t,v) np.matvec(c,z) np.vecmat(r,m) np.vecmat(z,c.T) np.vecdot(m,n) np.vecdot(z,c) np.vecdot(m,v)
np.dot(m,k) np.dot(v,w) np.dot(m,v) np.dot(v,k) np.dot(s,m) np.dot(m,2.0) np.dot(t,k) m.dot(k) np.dot(z,c.T) np.vdot(m,n) np.vdot(z,c[0]) np.vdot(v,w) np.inner(v,w) np.inner(m,n) np.inner(s,m) np.inner(t,m) np.outer(v,r) np.outer(m,s) np.outer(z,v) np.linalg.outer(v,r)
np.tensordot(m,k,1) np.tensordot(m,n) np.tensordot(m,t,((0,1),(1,2))) np.tensordot(m,k,(1,0)) np.tensordot(v,r,0) np.tensordot(t,m,([1],[0])) np.linalg.tensordot(m,k,axes=1) np.tensordot(m,t,axes=([-1],[-1])) np.kron(v,r) np.kron(m,q) np.kron(q,r) np.kron(s,m)
np.cross(r,r[::-1]) np.cross(k,r) np.cross(m,n,axis=0) np.cross(k,k[::-1],axisc=0) np.linalg.cross(k,k[::-1]) np.cross(m,k,axisa=0,axisb=1)
np.einsum("ij,jk->ik",m,k) np.einsum("ij,jk",m,k) np.einsum("ij->ji",m) np.einsum("ij->i",m) np.einsum("ii->i",q) np.einsum("ii",q) np.einsum("i,j->ij",v,r) np.einsum("ij,ij->",m,n) np.einsum("...j,jk->...k",t,k) np.einsum("ij,jk,kl->il",m,k,m) np.einsum("i,i,i->i",v,w,v) np.einsum("ij,kj->",m,n) np.einsum("bij,j->bi",t,v) np.einsum("ij,j->ij",m,v) np.einsum(m,[0,1],k,[1,2],[0,2]) np.einsum("i->",v) np.einsum("ij,jk->ki",m,k,optimize=True) np.einsum("aij,aik->ajk",t,t) np.einsum("ij,ij->ij",m,x1) np.einsum("i,ij,j",r,m,v) np.einsum("...ii->...i",Q) np.einsum("ijk->",t) np.einsum(",ij->ij",s,m) np.einsum("ij,jk->ik",f,f.T) np.einsum("iij->ij",Q[:,:2]) np.einsum("ij,ji",m,k)
np.convolve(v,r) np.convolve(v,r,"same") np.convolve(v,r,"valid") np.convolve(r,x6) np.convolve(r,x6,"same") np.convolve(r,x6,"valid") np.convolve(v,w,mode="valid") np.convolve(z,v) np.correlate(v,r) np.correlate(v,r,"full") np.correlate(v,r,"same") np.correlate(r,x6,"same") np.correlate(r,x6,"full") np.correlate(r,x6) np.correlate(x6,v,"same") np.correlate(v,x6,"same") np.correlate(z,v,"full") np.correlate(v,z,"full") np.correlate(r,v,"same") np.correlate(x6,r,"same")
np.diff(v) np.diff(m) np.diff(m,axis=0) np.diff(m,2) np.diff(m,0) np.diff(v,prepend=0.0) np.diff(m,append=n[:,:2]) np.diff(I) np.diff(m,axis=0,prepend=x1) np.ediff1d(v) np.ediff1d(m,to_end=9.0) np.ediff1d(v,to_begin=r)
np.gradient(v) np.gradient(m) np.gradient(m,axis=1) np.gradient(v,2.0) np.gradient(m,0.5,2.0) np.gradient(g,edge_order=2) np.gradient(x6[:5],g) np.gradient(x6[:5],g,edge_order=2) np.gradient(m,g[:3],axis=0) np.gradient(m,axis=(0,1))
np.trapezoid(v) np.trapezoid(m,dx=0.5) np.trapezoid(m,axis=0) np.trapezoid(x6[:5],g) np.trapezoid(m,g[:4]) np.trapezoid(m,g[:3],axis=0) np.trapezoid(m,n)
np.interp(v,g,x6[:5]) np.interp(s,g,x6[:5]) np.interp(m,g,x6[:5]) np.interp(v,g,x6[:5],left=0.0) np.interp(v,g,x6[:5],right=-1.0) np.interp(v,[0.0,1.0,1.5],r,period=2.0)
np.polyval(v,m) np.polyval([1.0,2.0,3.0],v) np.polyval(v,s) np.polyval(v,z) np.vander(v) np.vander(v,2) np.vander(v,3,increasing=True) np.vander(v,0) np.vander(i)
np.cov(m) np.cov(m,rowvar=False) np.cov(v) np.cov(v,w) np.cov(m,ddof=0) np.cov(m,bias=True) np.cov(m,n) np.corrcoef(m) np.corrcoef(v,w) np.corrcoef(m,rowvar=False) np.cov(c)
np.sum(m) np.sum(m,0) np.sum(m,axis=-1) np.sum(t,axis=(0,2)) np.sum(m,axis=1,keepdims=True) np.sum(m,initial=2.0) np.sum(m,where=B) np.sum(m,where=B,axis=0) np.sum(m,dtype=np.float32) np.sum(f) np.sum(f,dtype=float) np.sum(I) np.sum(B) np.sum(y) np.sum(B,axis=0) np.sum(e,axis=0) np.sum(s) np.sum(m,axis=()) np.sum(t,(-1,0),keepdims=True) m.sum() m.sum(1) m.sum(axis=0,keepdims=True) np.sum(z) sum(v) np.sum(y,dtype=np.uint8)
np.prod(m) np.prod(m,0) np.prod(m,axis=(0,1)) np.prod(t,axis=-1,keepdims=True) np.prod(m,where=B) np.prod(m,initial=3.0) np.prod(I) np.prod(y) np.prod(e,axis=0) np.prod(z) np.prod(f,1) m.prod() np.prod(B) np.prod(m,dtype=np.float32) np.prod(m,axis=()) np.prod(Z)
np.max(m) np.max(m,0) np.max(t,axis=(0,2)) np.max(m,axis=-1,keepdims=True) np.max(m,initial=1.0) np.max(m,where=B,initial=-9.0) np.max(m,1,where=B,initial=0.1) np.max(I) np.max(I,0) np.max(f) np.max(m,axis=()) m.max() m.max(1) max(v) np.amax(m,1) np.max(B,0) np.max(I,1,where=B,initial=0) np.max(y)
np.min(m) np.min(m,0) np.min(t,axis=(0,2)) np.min(m,axis=-1,keepdims=True) np.min(m,initial=0.0) np.min(m,where=B,initial=9.0) np.min(I,1) np.min(y) m.min() min(v) np.amin(m,0)
np.nanmax(N) np.nanmax(N,axis=1) np.nanmax(m,0,keepdims=True) np.nanmin(N) np.nanmin(N,1) np.nansum(N) np.nansum(N,axis=0) np.nansum(N,0,keepdims=True) np.nansum(I) np.nanprod(N) np.nanprod(N,axis=1) np.nanmean(N) np.nanmean(N,axis=0) np.nanmean(N,1,keepdims=True) np.nanvar(N) np.nanvar(N,axis=1) np.nanvar(m,0,ddof=1) np.nanvar(N,1,keepdims=True) np.nanstd(N) np.nanstd(N,1) np.nanstd(m,ddof=1)
np.mean(m) np.mean(m,0) np.mean(m,axis=(0,1)) np.mean(t,axis=(0,-1),keepdims=True) np.mean(f) np.mean(f,1) np.mean(I) np.mean(B) np.mean(m,where=B) np.mean(m,axis=0,where=B) np.mean(f,dtype=float) m.mean() m.mean(-1) np.mean(z) np.mean(y)
np.average(m) np.average(m,0) np.average(m,weights=n) np.average(m,axis=1,weights=v) np.average(m,axis=0,weights=r,keepdims=True) np.average(m,1,returned=True) np.average(v,weights=w,returned=True) np.average(I,0) np.average(t,axis=(0,1),weights=t[:,:,0])
np.var(m) np.var(m,0) np.var(m,axis=(0,1)) np.var(m,1,ddof=1) np.var(m,keepdims=True) np.var(f,0) np.var(I) np.var(z) np.var(c,1) m.var() np.var(m,correction=1) np.var(m,axis=0,mean=np.mean(m,0,keepdims=True)) np.var(m,dtype=np.float32) np.var(m,where=B)
np.std(m) np.std(m,0) np.std(m,1,ddof=1) np.std(m,axis=(0,1),keepdims=True) np.std(f) np.std(I,0) np.std(z) m.std(-1) np.std(f,ddof=1) np.std(m,where=B)
np.ptp(m) np.ptp(m,0) np.ptp(m,axis=1,keepdims=True) np.any(B) np.any(B,0) np.any(m,axis=(0,1)) np.any(B,axis=1,keepdims=True) np.any(m>9) B.any() np.any(B,where=B) np.all(B) np.all(B,1) np.all(m,axis=0) B.all(axis=1) np.all(B,where=b) np.any(m,axis=0) np.any(s)
np.count_nonzero(B) np.count_nonzero(m>0,axis=0) np.count_nonzero(I,1) np.count_nonzero(m) np.count_nonzero(B,axis=1,keepdims=True) np.argmax(m) np.argmax(m,0) np.argmax(m,axis=-1,keepdims=True) np.argmax(I,1) m.argmax() np.argmin(m) np.argmin(m,0) np.argmin(v,keepdims=True) m.argmin(1)
np.cumsum(m) np.cumsum(m,0) np.cumsum(m,axis=-1) np.cumsum(I,1) np.cumsum(f) np.cumsum(B) np.cumsum(m,dtype=np.float32) m.cumsum() m.cumsum(1) np.cumsum(y) np.cumprod(m) np.cumprod(m,0) np.cumprod(v,axis=-1) np.cumprod(I,1) m.cumprod(1) np.cumprod(y) np.cumprod(z)
np.cumulative_sum(v) np.cumulative_sum(m,axis=1) np.cumulative_sum(m,axis=0,include_initial=True) np.cumulative_prod(v) np.cumulative_prod(m,axis=1) np.cumulative_prod(v,include_initial=True)
np.reshape(m,(4,3)) np.reshape(m,12) np.reshape(m,-1) np.reshape(m,(2,-1)) np.reshape(m,(4,3),order="F") np.reshape(s,(1,1)) np.reshape(e,(3,0)) m.reshape(4,3) m.reshape((2,6)) m.reshape(-1) m.reshape(4,-1,order="F") np.reshape(x1,(4,)) s.reshape(1) v.reshape(2,2).T.reshape(4)
np.ravel(m) np.ravel(m,"F") np.ravel(s) m.ravel() m.flatten() m.flatten("F") np.ravel(k.T) np.transpose(m) np.transpose(t) np.transpose(t,(2,0,1)) np.transpose(t,(-1,0,1)) m.T t.T t.mT m.transpose() t.transpose(1,0,2) t.transpose((0,2,1)) np.permute_dims(t,(1,2,0)) np.transpose(v)
np.swapaxes(t,0,2) np.swapaxes(t,-1,1) t.swapaxes(0,1) np.moveaxis(t,0,-1) np.moveaxis(t,(0,1),(2,0)) np.moveaxis(t,-1,0) np.moveaxis(t,[2,0],[0,1]) np.rollaxis(t,2) np.rollaxis(t,0,3) np.rollaxis(t,1,0) np.rollaxis(t,2,1) np.rollaxis(t,-1) np.rollaxis(t,1,-1)
np.expand_dims(m,0) np.expand_dims(m,-1) np.expand_dims(m,(0,2)) np.expand_dims(s,0) np.squeeze(x1) np.squeeze(x1,0) np.squeeze(t[:1,:,:1]) np.squeeze(t[:1,:,:1],axis=(0,2)) np.squeeze(t[:1],axis=-3) x1.squeeze() np.squeeze(s) np.squeeze(m)
np.broadcast_to(v,(3,4)) np.broadcast_to(s,(2,)) np.broadcast_to(x1,(2,3,4)) np.broadcast_to(s,3) np.broadcast_to(v,(4,)) np.broadcast_to(s,()) np.broadcast_arrays(m,v) np.broadcast_arrays(x1,r[:,None],s) np.broadcast_arrays(v)
np.concatenate([m,n]) np.concatenate([m,n],1) np.concatenate((m,n),axis=None) np.concatenate([m,f]) np.concatenate([v,i]) np.concatenate([m,n],axis=-1) np.concat([v,r]) np.concatenate([m]) np.concatenate([e,q]) np.concatenate([m,n],dtype=np.float32) np.concatenate(t) np.concatenate([z,v])
np.stack([m,n]) np.stack([m,n],-1) np.stack([m,n],axis=1) np.stack([s,s]) np.stack([v,i]) np.stack(m) np.stack([m,n],dtype=np.float32) np.vstack([m,n]) np.vstack([v,w]) np.vstack([m,v]) np.hstack([m,n]) np.hstack([v,r]) np.hstack([s,v]) np.hstack([m,q]) np.dstack([m,n]) np.dstack([v,w]) np.column_stack([v,w]) np.column_stack([r,m]) np.append(m,n) np.append(m,n,axis=0) np.append(v,s) np.append(v,3.0)
np.block([[m,q],[q,m]]) np.block([v,r]) np.block([[s,s],[s,s]]) np.block([[v],[w]]) np.block(m) np.block([[m],[v]]) np.block([[t,t]]) np.block([[[s]],[[2.0]]])
np.atleast_1d(s) np.atleast_1d(m) np.atleast_1d(s,v) np.atleast_2d(s) np.atleast_2d(v) np.atleast_2d(v,m) np.atleast_3d(s) np.atleast_3d(v) np.atleast_3d(m) np.atleast_3d(t,v)
np.flip(m) np.flip(m,0) np.flip(t,(0,-1)) np.flip(v) np.flipud(m) np.fliplr(m) np.rot90(m) np.rot90(m,2) np.rot90(m,-1) np.rot90(t,1,(1,2)) np.rot90(m,3) np.rot90(m,0) np.roll(v,1) np.roll(v,-2) np.roll(m,3) np.roll(m,1,0) np.roll(m,(1,2),(0,1)) np.roll(m,-5,axis=-1) np.roll(m,1,(0,1)) np.roll(e,1) np.roll(m,0)
np.array_split(v,3) np.array_split(m,3,axis=1) np.array_split(v,[1,3]) np.array_split(v,[3,1,9]) np.array_split(v,[-1]) np.split(v,2) np.split(m,[1,2],1) np.split(m,3) np.vsplit(m,3) np.hsplit(m,2) np.hsplit(v,2) np.dsplit(t,2) np.unstack(m) np.unstack(m,axis=1) np.unstack(t,axis=-1) list(m) np.split(v,[1,-1])
np.tile(v,2) np.tile(v,(2,2)) np.tile(m,(1,2)) np.tile(m,2) np.tile(s,3) np.tile(t,(2,1)) np.tile(m,()) np.repeat(v,2) np.repeat(m,2,axis=0) np.repeat(m,[1,0,2],axis=0) np.repeat(m,3,axis=-1) np.repeat(m,2) np.repeat(s,3) m.repeat(2,1) np.repeat(v,[1,2,0,1])
np.pad(v,1) np.pad(v,(1,2)) np.pad(m,((1,0),(0,2))) np.pad(m,1,constant_values=3.0) np.pad(v,(1,2),constant_values=(1.0,2.0)) np.pad(v,2,mode="edge") np.pad(v,2,"reflect") np.pad(v,3,"symmetric") np.pad(v,2,"wrap") np.pad(m,(1,2),"edge") np.pad(m,((0,1),(2,0)),"reflect") np.pad(I,1) np.pad(v,1,constant_values=s) np.pad(v,2,"linear_ramp") np.pad(v,2,"mean") np.pad(v,2,"maximum") np.pad(m,(1,2),"minimum") np.pad(m,1,"mean") np.pad(m,2,"linear_ramp",end_values=1.5) np.pad(I,2,"mean") np.pad(m,{-1:(1,2)}) np.pad(v,7,"reflect") np.pad(f,1,constant_values=2)
np.delete(v,1) np.delete(m,[0,2],axis=1) np.delete(m,1) np.delete(v,slice(0,2)) np.delete(m,-1,0) np.insert(v,1,s) np.insert(v,[1,3],[5.0,6.0]) np.insert(m,1,v,axis=0) np.insert(m,2,r,axis=1) np.insert(m,1,5.0,axis=1) np.insert(m,3,s) np.insert(v,4,w) np.insert(m,[0,2],m[:2],axis=0) np.insert(v,-1,s) np.insert(v,[1],w) np.insert(m,-1,k.T,axis=0) np.insert(m,[1],r[:,None],axis=1)
np.resize(v,(3,2)) np.resize(m,5) np.resize(v,(3,4)) np.meshgrid(v,r) np.meshgrid(v,r,indexing="ij") np.meshgrid(v,r,sparse=True) np.meshgrid(v,r,s) np.meshgrid(v) np.ix_(i,j[0])
np.linspace(s,2.0) np.linspace(0,s,5) np.linspace(v,w,3) np.linspace(v,s,4,axis=-1) np.linspace(s,2,5,endpoint=False) np.linspace(s,2.0,5,retstep=True) np.linspace(s,9,4,dtype=int) np.linspace(s,1.0,1) np.linspace(s,1.0,0) np.linspace(f,1,3) np.linspace(i,w,2)
np.add.reduce(m) np.add.reduce(m,axis=1) np.add.reduce(m,axis=None) np.add.reduce(t,axis=(0,1)) np.multiply.reduce(m) np.maximum.reduce(m,axis=1) np.minimum.reduce(m) np.logaddexp.reduce(m) np.logaddexp.reduce(m,axis=1) np.logaddexp.reduce(v) np.hypot.reduce(m,axis=None) np.logical_and.reduce(B) np.logical_or.reduce(B,axis=1) np.fmax.reduce(N) np.fmin.reduce(N,axis=1) np.add.reduce(m,keepdims=True) np.add.reduce(m,where=B,initial=1.0) np.logaddexp2.reduce(m,1,keepdims=True)
np.add.accumulate(m) np.add.accumulate(m,axis=1) np.multiply.accumulate(m) np.maximum.accumulate(m) np.maximum.accumulate(m,axis=1) np.minimum.accumulate(v) np.logaddexp.accumulate(v) np.add.outer(v,r) np.multiply.outer(v,m) np.subtract.outer(m,r) np.maximum.outer(v,w) np.less.outer(v,r) np.add.outer(s,v)
np.frexp(p) np.frexp(Z) np.ldexp(m,2) np.ldexp(m,i) np.ldexp(f,1) np.modf(m) np.modf(-p) np.divmod(m,p) np.divmod(I,3) divmod(m,1.5) np.frexp(f)
np.median(m) np.median(m,0) np.median(t,axis=(0,2)) np.median(v,keepdims=True) np.median(t,1,keepdims=True) np.median(I) np.median(N,axis=1) np.median(r) np.median(f,1) np.nanmedian(N) np.nanmedian(N,axis=1) np.nanmedian(m,0,keepdims=True) np.nanmedian(N,0)
np.quantile(m,0.3) np.quantile(m,[0.1,0.5,1.0],axis=1) np.quantile(m,np.array([[0.2],[0.9]]),axis=0,keepdims=True) np.quantile(v,s) np.quantile(I,0.25) np.quantile(N,0.5,axis=1) np.quantile(t,0.7,axis=(0,2)) np.quantile(f,0.3,axis=0) np.percentile(m,35) np.percentile(m,[10,90],axis=1) np.percentile(v,0) np.percentile(v,100.0)
np.quantile(x6,0.37,method="lower") np.quantile(x6,0.37,method="higher") np.quantile(x6,0.37,method="midpoint") np.quantile(x6,0.37,method="nearest") np.quantile(x6,0.37,method="hazen") np.quantile(x6,0.37,method="weibull") np.quantile(x6,0.37,method="median_unbiased") np.quantile(x6,0.37,method="normal_unbiased") np.quantile(x6,0.37,method="inverted_cdf") np.quantile(x6,0.5,method="averaged_inverted_cdf") np.quantile(x6,0.37,method="closest_observation") np.quantile(x6,0.37,method="interpolated_inverted_cdf")
np.nanquantile(N,0.3) np.nanquantile(N,[0.2,0.8],axis=1) np.nanquantile(N,0.4,axis=0,keepdims=True) np.nanpercentile(N,30) np.nanpercentile(m,[5,50],axis=0) np.nanpercentile(N,60,axis=1,method="higher")
np.bincount([0,2,2,1],weights=v) np.bincount([1,4,1,0],v,minlength=7) np.bincount(i) np.digitize(m,g) np.digitize(v,g,right=True) np.digitize(v,g[::-1]) np.digitize(s,g) np.digitize(I,[1,3,5])
np.histogram(m) np.histogram(m,4) np.histogram(x6,g) np.histogram(m,5,range=(-1,1)) np.histogram(m,4,weights=n) np.histogram(m,4,density=True) np.histogram(x6,g,density=True) np.histogram(m,5,(-1,1),weights=n,density=True) np.histogram(m,"auto") np.histogram(I,4) np.histogram_bin_edges(m,5) np.histogram_bin_edges(v,3,range=(-1,2)) np.histogram2d(v,w,3) np.histogram2d(v,w,[2,3],weights=i*1.5) np.histogram2d(v,w,g) np.histogramdd(k,3) np.histogramdd(k,(2,3,2),density=True) np.histogramdd((v,w),2,weights=v)
np.unique(I) np.unique(Z) np.unique(x6) np.unique(Z,return_index=True,return_inverse=True,return_counts=True) np.unique(m,axis=0) np.unique_all(v) np.union1d(x6,v) np.intersect1d(v,v[:2]) np.setdiff1d(v,v[:1]) np.setxor1d(v,v[1:]) np.unique_all(Z) np.unique_counts(Z) np.unique_inverse(Z) np.unique_values(Z) np.union1d(Z,v) np.intersect1d(Z,[0.0,2.0,9.0]) np.setdiff1d(Z,[2.0]) np.setxor1d(Z,[2.0,5.0]) np.isin(I,[1,2,9]) np.isin(Z,[0.0,2.0],invert=True) np.lexsort((v,w)) np.ravel_multi_index((i,i),(4,4)) np.unravel_index(i,(2,2)) np.unravel_index(I,(3,5),order="F")
np.polyadd(v,r) np.polysub(r,v) np.polymul(r,[3.0,s]) np.polymul(v,r) np.polymul(Z,r) np.polydiv([1.0,2.0,3.0],[2.0,1.0]) np.polydiv(v,w[:2]) np.polydiv(r,v) np.polyder(v) np.polyder(v,2) np.polyint(v) np.polyint(v,2,k=[1.0,2.0]) np.polyint(v,k=s) np.polyfit(v,w,1) np.polyfit(v,k,2) np.polyfit(v,w,1,w=np.abs(v)) np.polyfit(v,w,1,cov=True) np.polyfit(v,w,1,cov="unscaled") np.roots([1.0,s,-2.0,0.0]) np.poly(v) np.poly(h[:2,:2]@h[:2,:2].T) np.poly(z)
np.unwrap(x6*4) np.unwrap(m*5,axis=0) np.unwrap(m*3,discont=4.0) np.unwrap(x6*4,period=3.0) np.unwrap(I) np.unwrap(I,period=4) np.unwrap(I,period=5) np.logspace(s,2.0,4) np.logspace(0,s,3,base=2.0) np.logspace(0,1,3,base=s) np.logspace(v,w,3,axis=-1) np.geomspace(s,2.0,4) np.geomspace(s,8,3,endpoint=False) np.geomspace(p,2.0,4,axis=1) np.lib.stride_tricks.sliding_window_view(v,2) np.lib.stride_tricks.sliding_window_view(m,2,axis=1) np.lib.stride_tricks.sliding_window_view(m,(2,3)) np.lib.stride_tricks.sliding_window_view(x6,(3,2),axis=(0,0))
np.isclose(m,n) np.isclose(m,m+1e-9) np.isclose(N,N,equal_nan=True) np.isclose(m/0.0,np.inf) np.allclose(m,m) np.allclose(m,n) np.array_equal(m,m) np.array_equal(m,k) np.array_equal(N,N,equal_nan=True) np.array_equiv(m,m[None]) np.array_equiv(m,k) np.iscomplex(z) np.iscomplex(m) np.isreal(m) np.isreal(z*np.array([1,0,2])) np.isposinf(m/0.0) np.isneginf(m/0.0)
np.nanargmax(m) np.nanargmax(N) np.nanargmin(N,axis=1) np.nancumsum(N) np.nancumsum(N,axis=1) np.nancumprod(N,axis=1) np.nancumprod(I,0) np.can_cast(m.dtype,"f4") np.common_type(m,f)(1) np.einsum_path("ij,jk",m,k)[0] np.diag_indices_from(q) np.tril_indices_from(m,1) np.triu_indices_from(m) np.min_scalar_type(m) np.array2string(v) np.array_repr(v) np.array_str(m)
np.apply_along_axis(np.sum,0,m) np.apply_along_axis(np.cumsum,1,m) np.apply_along_axis(np.diag,0,m) np.apply_along_axis(lambda*x:x[0][0]*x[1],1,m,2.0) np.apply_over_axes(np.sum,t,(0,2)) np.piecewise(v,[v<0,v>=1],[-1.0,np.exp]) np.piecewise(m,[m>0],[np.sqrt,np.square]) np.piecewise(v,[v<0,v>0,v==9],[lambda*a:a[0]**2,lambda*a:a[0]*a[1],3.0],2.0) np.piecewise(s,[s>0],[np.log,0.0])
np.emath.sqrt(v) np.emath.sqrt(p) np.emath.log(v) np.emath.log2(p) np.emath.log10(v) np.emath.arccos(u) np.emath.arcsin(u) np.emath.arctanh(u) np.emath.logn(2.0,v) np.emath.power(v,2) np.emath.power(p,0.5) np.i0(m)
np.add.reduceat(x6,[0,2,5]) np.add.reduceat(x6,[3,0,2,2]) np.add.reduceat(m,[0,2],axis=1) np.maximum.reduceat(x6,[0,3]) np.multiply.reduceat(m,[0,1]) np.logaddexp.reduceat(x6,[4,0,3]) np.subtract.reduce(m) np.subtract.reduce(m,axis=1) np.true_divide.reduce(p) np.power.reduce(p,keepdims=True) np.subtract.accumulate(v) np.true_divide.accumulate(p,axis=1) np.logical_xor.reduce(B) np.bitwise_or.reduce(I) np.maximum.reduce(m,dtype=np.float32) np.add.reduceat(I,[0,1])
m[0] m[-1] m[1,2] m[:,1] m[1:] m[::-1] m[::2,::-1] m[...,0] m[None] m[:,None] t[0,...,1] t[...,-1] m[i[:2]] m[[0,2]] m[:,[1,1]] m[[0,1],[2,3]] m[np.array([[0,1],[2,0]])] t[:,[0,2],1] t[0,:,[0,1]] t[[0,1],:,[2,3]] t[[0],None,[1]] m[1:,[0,3]] m[-1,::-2] m[i%3,i] m[np.ix_([0,2],[1,3])] v[i] v[-2:] v[5:] m[()] s[()] s[None] m[1,...] t[1,None,2] m[:0] v[np.int64(1)] t[:,0][:,[1,1]] t[[[0],[1]],[0,2]] m[[True,False,True]] v[[]] m[0][1] t[...,None,0] m[2:0:-1] v[::3] m[slice(None),slice(1,9)] m[(1,2)] t[0:1,[0,1]] t[[1,0],...,[2,3]] t[:,:,[1]][...,0]
m+1 1-m m*2.5 2/p m//0.7 m%0.7 p**2 p**0.5 p**m 2**m m**3 m**0 p**-1 -m +m abs(m) m>0 0<m m==n m!=n m>=n m<=0 I+f I*2 I/2 I//2 I%4 I**2 B&B B|B B^B ~B I<<1 I>>1 y+1 y*1.5 f+1 f*2.5 f+s f*np.float32(2) f+I f+i k+z z*z z/c z**2 z*1j m*1j v+m r[:,None]+v m+i True+m m-B*1 I+1.5 1.5-y f**2 f/3 3/f 2.0**f z**0.5 p**np.float32(0.5) I&3 B*f abs(z) s+1 s*s 1/s s**2 m+np.float32(1) f+np.float64(1) divmod(I,2) 7%p -y z-1 abs(I) s<1 (m>0)*1.0
"""
# fmt: on
ROUNDED = {
    "var",
    "std",
    "nanvar",
    "nanstd",
    "nanmean",
    "average",
    "cov",
    "corrcoef",
    "prod",
    "sinc",
    "interp",
    "polyval",
    "vander",
    "gradient",
    "convolve",
    "correlate",
    "trapezoid",
    "mean",
    "sum",
    "einsum",
    "tensordot",
    "kron",
    "matmul",
    "dot",
    "inner",
    "outer",
    "vdot",
    "vecdot",
    "matvec",
    "vecmat",
    "multi_dot",
    "reduce",
    "accumulate",
    "angle",
    "cumprod",
    "nanprod",
    "absolute",
    "abs",
    "round",
    "around",
    "pad",
    "nansum",
    "trace",
    "hypot",
    "sign",
    "cross",
    "cumulative_prod",
    "frexp",
    "ldexp",
    "modf",
    "operator",
    "float_power",
    "power",
    "linspace",
    "quantile",
    "nanquantile",
    "percentile",
    "nanpercentile",
    "median",
    "nanmedian",
    "histogram",
    "histogram_bin_edges",
    "histogram2d",
    "histogramdd",
    "bincount",
    "polyfit",
    "polymul",
    "polydiv",
    "roots",
    "poly",
    "unwrap",
    "logspace",
    "geomspace",
    "emath",
    "i0",
    "reduceat",
    "nancumprod",
    "nancumsum",
    "apply_along_axis",
    "apply_over_axes",
    "polyint",
}  # fmt: skip
DEAF = {  # NumPy doesn't ask this argument: where it alone is traced, an error says so, and nothing is lost
    ("g.searchsorted(v)", "v"), ("m.dot(k)", "k"), ("np.polymul(r,[3.0,s])", "s"),
}  # fmt: skip
FAMILIES = ("np.fft.", "np.linalg.")  # computed in other steps than NumPy's
KINKED = re.compile(
    r"np\.(round|around|fix|floor|ceil|rint|trunc|searchsorted|frexp|spacing|count_nonzero|linalg\.matrix_rank)|round|//|norm\(v,0\)|trim_zeros|np\.nextafter|\(Z|np\.isclose"
)


def ufunc_rows() -> list[str]:
    """The calls that every ufunc is given, by its number of operands."""
    rows = []
    for ufunc in REGISTRY.ufuncs:
        name = ufunc.__name__
        if name in OWN or ufunc.nout > 1:
            continue
        if name in INTEGER:
            rows += (
                [f"np.{name}(I)", f"np.{name}(y)"]
                if ufunc.nin == 1
                else [f"np.{name}(I,2)", f"np.{name}(I,i)", f"np.{name}(y,y)"]
            )
        elif ufunc.nin == 1:
            x = UNARY_DOMAIN.get(name, "m")
            rows += [
                f"np.{name}({x})",
                f"np.{name}({x}[0,0])",
                f"np.{name}({x}.astype('f4'))",
                f"np.{name}({x}[:0])",
                f"np.{name}(1+I%2)",
                f"np.{name}({x},dtype=np.float64)",
            ]
            if "D->D" in ufunc.types:
                rows.append(f"np.{name}(c)")
        else:
            x, y = BINARY_DOMAIN.get(name, ("m", "n"))
            rows += [
                f"np.{name}({x},{y})",
                f"np.{name}({x},{y}[0])",
                f"np.{name}({x}[:,:1],{y}[0])",
                f"np.{name}({x},1.5)",
                f"np.{name}(2,{y})",
                f"np.{name}({x}.astype('f4'),{y}.astype('f4'))",
                f"np.{name}({x}.astype('f4'),{y})",
                f"np.{name}(1+I,y[:,None])",
                f"np.{name}({x}[0,0],{y}[1,1])",
                f"np.{name}({x}.astype('f4'),2)",
            ]
            if "DD->D" in ufunc.types:
                rows += [f"np.{name}(c,z)", f"np.{name}(c,2.0)"]
    return [row for row in rows if row not in REFUSED]


REFUSED = {  # NumPy itself refuses
    f"np.{name}(m,dtype=np.float64)"
    for name in ("isnan", "isinf", "isfinite", "signbit", "logical_not")
} | {"np.heaviside(c,z)"}


def calls() -> list[str]:
    rows = [row for line in ROWS.strip().splitlines() for row in line.split()]
    return list(dict.fromkeys([*rows, *ufunc_rows()]))


CALLS = calls()


class Row:
    """A call as a function of the arrays that it names."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = compile(self.text, self.text, "eval")
        self.names = [n for n in ARRAYS if re.search(rf"(?<![\w.\"']){n}(?![\w(\"'=])", self.text)]
        self.moving = [n for n in self.names if ARRAYS[n].dtype.kind in "fc"]
        found = re.match(
            r"(?:np\.|[a-zA-Z0-9]+\.)?(?:fft\.|linalg\.|\w+(?=\.(?:reduce|accumulate|outer)))*\.?(\w+)\(",
            self.text,
        )
        self.function = found[1] if found else "operator"

    def __call__(self, **arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            value = eval(self.code, {"np": np, **ARRAYS, **arrays})
        return list(value) if isinstance(value, tuple) and not hasattr(value, "_fields") else value

    def of(self, names: list[str]) -> Callable[..., Any]:
        return lambda *xs: self(**dict(zip(names, xs, strict=True)))

    def floats(self, *xs: Any) -> list[Any]:
        """The results that have a derivative."""
        leaves, _ = tree.flatten(self.of(self.moving)(*xs))
        return [y for y in leaves if hasattr(y, "dtype") and y.dtype.kind in "fc"]


def agree(got: Any, want: Any, row: Row) -> None:
    """Value, shape and dtype; exact unless the function is computed in another order."""
    ours, theirs = tree.flatten(got)[0], tree.flatten(want)[0]
    assert len(ours) == len(theirs), row.text
    rounded = row.function in ROUNDED or row.text.startswith(FAMILIES)
    for g, w in zip(ours, theirs, strict=True):
        if isinstance(w, np.ndarray | np.generic):
            assert (np.shape(g), np.asarray(g).dtype) == (w.shape, w.dtype), (
                f"{row.text}: {np.shape(g)} {np.asarray(g).dtype}, not {w.shape} {w.dtype}"
            )
            if rounded and w.dtype.kind in "fc":
                tol = 100 * float(np.finfo(w.dtype).eps)
                np.testing.assert_allclose(
                    g,
                    w,
                    rtol=tol,
                    atol=tol * float(np.nanmax(np.abs(w), initial=1)),
                    err_msg=row.text,
                )
            else:
                np.testing.assert_array_equal(g, w, err_msg=row.text)
        else:
            assert g == w, row.text


@pytest.mark.parametrize("text", CALLS)
def test_value(text: str) -> None:
    row = Row(text)
    want = row()
    whole = observed(row, row.moving, want)
    if len(row.moving) > 1:
        for name, gradient in zip(row.moving, whole, strict=True):
            if (text, name) in DEAF:
                with pytest.raises((ConcreteError, UnsupportedError)):
                    observed(row, [name], want)
                continue
            (alone,) = observed(row, [name], want)  # the others are plain arrays
            np.testing.assert_allclose(
                alone,
                gradient,
                rtol=1e-4 if "f4" in text else 1e-7,
                atol=1e-9,
                err_msg=f"{text}, {name} alone",
            )
    arrays = [ARRAYS[n] for n in row.names]
    if row.names:
        agree(wengert.jit(row.of(row.names))(*arrays), want, row)


def observed(row: Row, names: list[str], want: Any) -> Any:
    """Run a row under grad, where stand-ins know their values; the gradient of the sum of its results."""
    result: list[Any] = []

    def total(*xs: Any) -> Any:
        y = row.of(names)(*xs)
        result.append(tree.map(lambda leaf: leaf.known() if hasattr(leaf, "known") else leaf, y))
        floats = [
            leaf
            for leaf in tree.flatten(y)[0]
            if hasattr(leaf, "dtype") and leaf.dtype.kind in "fc"
        ]
        return sum((np.sum(np.real(leaf)) for leaf in floats), start=0.0)

    if not names:
        return ()
    gradient = wengert.grad(total, tuple(range(len(names))))(*[ARRAYS[n] for n in names])
    agree(result[0], want, row)
    return gradient


SMOOTH = [
    text
    for text in CALLS
    if (row := Row(text)).moving and not KINKED.search(text) and "N" not in row.names
]


@pytest.mark.parametrize("text", SMOOTH)
def test_derivative(text: str) -> None:
    """J v by differences, by forward mode and by reverse mode."""
    row = Row(text)
    xs = [ARRAYS[n].astype("f8") if ARRAYS[n].dtype == "f4" else ARRAYS[n] for n in row.moving]
    ys = row.floats(*xs)
    if not ys or "f4" in text or "float32" in text or "c8" in text:
        return  # nothing to differentiate, or the differences are too coarse: the laws do float32
    rng = np.random.default_rng(3)
    vs = [direction(rng, x, n) for x, n in zip(xs, row.moving, strict=True)]
    us = [direction(rng, y) for y in ys]
    h = 1e-4

    def along(k: float) -> list[Any]:
        return row.floats(*[x + k * h * v for x, v in zip(xs, vs, strict=True)])

    a, b, c, d = (along(k) for k in (-2, -1, 1, 2))
    numeric = [(p - 8 * q + 8 * r - s) / (12 * h) for p, q, r, s in zip(a, b, c, d, strict=True)]
    forward = wengert.jvp(row.floats, xs, vs)[1]
    for got, want in zip(forward, numeric, strict=True):
        np.testing.assert_allclose(
            got, want, rtol=1e-6, atol=1e-6 * float(np.max(np.abs(want), initial=1)), err_msg=text
        )
    pulled = wengert.vjp(row.floats, *xs)[1](us)
    left, right = inner(us, forward), inner(pulled, vs)
    assert abs(left - right) <= 1e-8 * (1 + abs(left)), (
        f"{text}: <u, Jv> = {left}, <J'u, v> = {right}"
    )


def direction(rng: Any, x: Any, name: str = "") -> Any:
    x = np.asarray(x)
    v = rng.uniform(-1, 1, x.shape) + (
        1j * rng.uniform(-1, 1, x.shape) if x.dtype.kind == "c" else 0
    )
    if name in ("h", "H"):  # a triangle is read, the other is its mirror image
        v = v + np.swapaxes(v, -1, -2)
    return np.asarray(v)[()]


def inner(us: list[Any], vs: list[Any]) -> float:
    return float(sum(np.sum(np.real(np.conjugate(u) * v)) for u, v in zip(us, vs, strict=True)))


def called(function: Any) -> str:
    place = (
        function.__module__.replace("numpy", "np", 1) + "."
        if hasattr(function, "__module__")
        else "np."
    )
    return f"{place}{function.__name__}(".replace("lib.scimath", "emath")


def test_every_spelling_has_a_row() -> None:
    text = " ".join(Row(c).text for c in CALLS)
    aliases = {np.amax: "np.amax(", np.amin: "np.amin("}
    missing = {called(f) for f in SPELLINGS if aliases.get(f, called(f)) not in text}
    assert not missing - WRITE
    assert not {u.__name__ for u in REGISTRY.ufuncs if f"np.{u.__name__}(" not in text}
    assert not {name for name in SAME if not re.search(rf"\b[a-zA-Z]\w?\.{name}\(", text)} - NAMED


NAMED = {"choose"}
WRITE = {  # rows in tests/test_writes.py
    f"np.{name}("
    for name in ("copyto", "put", "putmask", "place", "put_along_axis", "fill_diagonal")
} | {f"np.{name}(" for name in ("save", "savetxt", "savez", "savez_compressed")}
