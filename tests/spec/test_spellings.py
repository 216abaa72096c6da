"""Every spelling of the closed list that torch has for it: traced, stored, written as code, and run on a batch."""

import pytest
import torch
from torch.nn import functional as F

from netgraph.spec.batched import batched
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.trace import OpaqueFunction, trace

W = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
V = torch.tensor([0.5, -1.0, 2.0])
IDX = torch.tensor([0, 2])

EXPRESSIONS = """F.cross_entropy(x,x.argmin(1)) ; F.cross_entropy(x,x.softmax(1),label_smoothing=0.1) ;
F.cross_entropy(x,x.argmin(1),reduction="none") ; F.cross_entropy(x,x.argmin(1),reduction="sum",label_smoothing=0.1) ;
F.nll_loss(x,x.argmin(1)) ; F.cross_entropy(x[0],x[0].softmax(0)) ;

x.abs() ; x.neg() ; x.sqrt() ; x.rsqrt() ; x.square() ; x.pow(2) ; 2**x ; x.exp() ; x.exp2() ; x.expm1() ; x.log() ; x.log2() ;
x.log10() ; x.log1p() ; x.sin() ; x.cos() ; x.tan() ; x.asin() ; x.acos() ; x.atan() ; x.sinh() ; x.cosh() ; x.tanh() ; x.asinh() ;
x.acosh() ; x.atanh() ; x.sigmoid() ; x.logit() ; x.erf() ; x.erfc() ; x.erfinv() ; x.lgamma() ; x.digamma() ; x.round() ; x.floor() ;
x.ceil() ; x.trunc() ; x.frac() ; x.sign() ; x.sgn() ; x.reciprocal() ; x.clamp(0,1) ; x.clip(0,1) ; x.clamp_min(0) ; x.clamp_max(1) ;
x.relu() ; x.nan_to_num() ; x.isnan() ; x.isinf() ; x.isfinite() ; x.logical_not() ; x.deg2rad() ; x.rad2deg() ; x.sinc() ;
x.positive() ; x.hypot(x) ; x.fmod(2) ; x.remainder(2) ; x%2 ; x//2 ; x.floor_divide(2) ; x.maximum(x) ; x.minimum(x) ;
torch.fmax(x,x) ; torch.fmin(x,x) ; x.add(1) ; x.add(x,alpha=2) ; x.sub(1) ; x.mul(2) ; x.div(2) ; x.true_divide(2) ;
torch.div(x,2,rounding_mode="trunc") ; x.addcmul(x,x,value=2) ; torch.addcdiv(x,x,x+9) ; x.lerp(x*2,0.5) ; x.eq(0) ; x.ne(0) ;
x.lt(0) ; x.le(0) ; x.gt(0) ; x.ge(0) ; torch.isclose(x,x) ; x.logaddexp(x) ; torch.logaddexp2(x,x) ; x.atan2(x) ;
torch.copysign(x,x) ; x.where(x>0,0) ; torch.where(x>0,x,0) ; x.masked_fill(x>0,0) ; torch.heaviside(x,x) ; torch.xlogy(x,x+9) ;
torch.float_power(x,2) ; torch.rsub(x,1) ; x.ldexp(x) ; F.relu(x) ; F.relu6(x) ; F.gelu(x) ; F.gelu(x,approximate="tanh") ; F.silu(x) ;
F.mish(x) ; F.elu(x) ; F.selu(x) ; F.celu(x) ; F.leaky_relu(x) ; F.softplus(x) ; F.softsign(x) ; F.tanhshrink(x) ; F.softshrink(x) ;
F.hardshrink(x) ; F.hardtanh(x) ; F.hardsigmoid(x) ; F.hardswish(x) ; F.logsigmoid(x) ; F.sigmoid(x) ; F.tanh(x) ;
F.threshold(x,0.1,0) ; F.glu(x[...,:2]) ; F.softmin(x,-1) ; F.softmax(x,-1) ; F.log_softmax(x,dim=-1) ; F.normalize(x) ;
F.normalize(x,dim=0,p=1) ; F.layer_norm(x,(3,)) ; F.layer_norm(x,(3,),V,V) ; F.rms_norm(x,(3,)) ; F.dropout(x,0.5,training=False) ;
F.linear(x,W) ; F.bilinear(x,x,torch.ones(2,3,3)) ; F.one_hot(x.argmax(-1),3) ; F.embedding(x.argmax(-1),W.repeat(2,1)) ;
F.cosine_similarity(x,x,dim=-1) ; F.pairwise_distance(x,2*x) ; F.mse_loss(x,2*x) ; F.l1_loss(x,2*x) ; F.smooth_l1_loss(x,2*x) ;
F.huber_loss(x,2*x) ; F.mse_loss(x,x*2,reduction="none") ; F.binary_cross_entropy(x.sigmoid(),x.sigmoid()) ;
F.binary_cross_entropy_with_logits(x,x.sigmoid()) ; F.kl_div(x.log_softmax(-1),x.softmax(-1)) ; F.pad(x,(1,1)) ;
F.interpolate(x[None],size=6) ; F.interpolate(x[None],scale_factor=2) ; F.interpolate(x[None],scale_factor=2.0,mode="linear") ;
F.conv1d(x[None],torch.ones(2,2,2)) ; F.avg_pool1d(x[None],2) ; F.max_pool1d(x[None],2) ; F.adaptive_avg_pool1d(x[None],2) ;
F.scaled_dot_product_attention(x,x,x) ; F.scaled_dot_product_attention(x,x,x,is_causal=True) ; F.prelu(x,torch.tensor([0.1])) ;
x.sum() ; x.sum(0) ; x.sum(dim=(0,1)) ; x.sum(-1,keepdim=True) ; x.mean() ; x.mean(0) ; x.nanmean() ; x.nansum() ; x.prod() ;
x.prod(0) ; x.max() ; x.max(0).values ; x.max(0)[1] ; x.min(1).indices ; x.amax(0) ; x.amin() ; x.argmax(0) ; x.argmin() ; x.var() ;
x.var(0,unbiased=False) ; x.std(0) ; torch.std(x,correction=0) ; x.median() ; x.median(0).values ; x.quantile(0.5) ;
x.quantile(0.5,dim=0) ; x.nanquantile(0.5) ; x.logsumexp(0) ; x.all() ; x.any(0) ; x.count_nonzero() ; x.norm() ; x.norm(dim=0) ;
x.norm(p=1) ; torch.linalg.norm(x) ; torch.linalg.norm(x,dim=0) ; torch.linalg.vector_norm(x) ; torch.linalg.matrix_norm(x) ;
x.dist(2*x) ; torch.cdist(x,x) ; x.cumsum(0) ; x.cumprod(0) ; x.cummax(0).values ; x.cummin(0)[0] ; x.logcumsumexp(0) ; x.diff() ;
torch.diff(x,dim=0) ; torch.trapz(x) ; torch.cov(x) ; torch.corrcoef(x) ; x.sort(0).values ; x.sort(descending=True)[1] ;
x.argsort(0) ; x.argsort(dim=0,descending=True) ; torch.msort(x) ; x.topk(2,dim=0).values ; x.topk(1,largest=False).indices ;
x.softmax(0) ; x.log_softmax(-1) ; torch.softmax(x,dim=0) ; x@W.T ; x.matmul(W.T) ; torch.mm(x,W.T) ; x.mv(V) ; x[0].dot(x[1]) ;
torch.inner(x,x) ; torch.outer(x[0],x[1]) ; torch.ger(x[0],x[1]) ; torch.kron(x,x) ; torch.einsum("ij,kj->ik",x,x) ;
torch.einsum("...i,i->...",x,V) ; torch.tensordot(x,x,dims=2) ; torch.tensordot(x,x,dims=([1],[1])) ; torch.addmm(x@x.T,x,x.T) ;
torch.baddbmm(x[None],x[None,:,:2],x[None]) ; torch.bmm(x[None],x.T[None]) ; torch.chain_matmul(x,x.T) ;
torch.linalg.multi_dot([x,x.T,x]) ; torch.cross(x,x,dim=1) ; torch.linalg.cross(x,x) ; torch.linalg.inv(x@x.T) ; torch.linalg.pinv(x) ;
torch.linalg.det(x@x.T) ; torch.det(x@x.T) ; torch.logdet(x@x.T) ; torch.linalg.solve(x@x.T,x) ;
torch.linalg.cholesky(x@x.T+torch.eye(2)) ; torch.linalg.eigvalsh(x@x.T) ; torch.linalg.svdvals(x) ;
torch.linalg.matrix_power(x@x.T,2) ; torch.matrix_exp(x@x.T) ; torch.trace(x) ; x.trace() ; x.diagonal() ; x.diag() ;
torch.diag(x[0]) ; torch.diag_embed(x) ; x.tril() ; x.triu(1) ; x.reshape(3,2) ; x.reshape(-1) ; x.reshape((3,2)) ; x.view(3,2) ;
x.view(-1) ; x.flatten() ; x.ravel() ; torch.flatten(x,0,1) ; x.unflatten(1,(3,1)) ; x.squeeze() ; x.unsqueeze(0) ; x.transpose(0,1) ;
x.swapaxes(0,1) ; x.swapdims(0,1) ; x.permute(1,0) ; x.permute((1,0)) ; x.T ; x.mT ; x.t() ; x.adjoint() ; x.movedim(0,1) ;
torch.moveaxis(x,0,1) ; x.flip(0) ; x.flip(0,1) ; x.flip((0,1)) ; x.fliplr() ; x.flipud() ; torch.rot90(x) ; x.roll(1) ; x.roll(1,0) ;
x.roll((1,1),(0,1)) ; x.repeat(2,1) ; x.tile((2,1)) ; torch.tile(x,(2,)) ; x.repeat_interleave(2,0) ; x.expand(4,2,3) ;
x.expand(-1,-1) ; x.expand_as(x) ; x.broadcast_to((4,2,3)) ; torch.cat([x,x]) ; torch.cat((x,x),dim=1) ; torch.concat([x,x]) ;
torch.stack([x,x]) ; torch.hstack([x,x]) ; torch.vstack([x,x]) ; torch.dstack([x,x]) ; torch.column_stack([x,x]) ;
torch.row_stack([x,x]) ; torch.atleast_2d(x) ; x.select(0,1) ; x.narrow(0,0,1) ; x[0] ; x[-1] ; x[:,1] ; x[...,0] ; x[None] ;
x[:,[0,2]] ; x[IDX[:1]] ; x[x.argmax(0)] ; x.index_select(1,IDX) ; x.gather(1,x.argsort(1)) ;
torch.gather(x,1,x.argmax(1,keepdim=True)) ; x.take(IDX) ; torch.take_along_dim(x,x.argsort(1),1) ; x.scatter(1,x.argsort(1),x) ;
x.scatter_add(1,x.argsort(1),x) ; x.index_add(0,IDX[:1],x[:1]) ; torch.cartesian_prod(x[0],x[1]) ; torch.zeros_like(x) ;
torch.ones_like(x) ; torch.full_like(x,2) ; torch.empty_like(x).isnan()*0 ; x.new_zeros(2) ; x.new_ones(2,3)+x ; x.new_full((2,),3.0) ;
x.new_tensor([1.,2.,3.])+x ; torch.zeros(3)+x ; torch.ones(2,3)*x ; torch.arange(3)*x ; torch.linspace(0,1,3)+x ; torch.eye(3)@x.T ;
torch.tensor([1.,2,3])*x ; torch.arange(len(x))[:,None]*x ; x.float() ; x.double() ; x.half() ; x.long() ; x.int() ; x.bool() ;
x.to(torch.float64) ; x.to(dtype=torch.float64) ; x.type(torch.float64) ; x.type_as(x) ; x.clone() ; x.detach() ; x.contiguous() ;
x.cpu() ; x.to("cpu") ; x.requires_grad_() ; x.numel()*x ; x.size(0)*x ; x.nelement()*x ; x.shape[1]*x ; x.dim()*x ; x.ndim*x ;
abs(x) ; -x ; +x ; x+1 ; 1+x ; 1-x ; x*2 ; x/2 ; 1/x ; x**2 ; x==0 ; x!=0 ; (x>0)&(x<1) ; ~(x>0) ; (x>0)^(x<1) ;
torch.bitwise_and(x>0,x<1) ; x.logical_and(x) ; sum(x) ; len(x)*x ; torch.sum(x,0) ; torch.mean(x,dim=0,keepdim=True) ;
torch.maximum(x,V) ; torch.special.expit(x) ; torch.special.softmax(x,0) ; torch.special.log_softmax(x,0) ;
torch.special.logsumexp(x,0) ; torch.special.entr(x) ; torch.special.erf(x) ; torch.special.i0(x) ; torch.special.log_ndtr(x) ;
torch.special.ndtr(x) ; torch.special.log1p(x) ; torch.special.round(x) ; torch.special.xlog1py(x,x+9) ; torch.i0(x) ;
torch.nn.ReLU()(x) ; torch.nn.Softmax(dim=0)(x) ; torch.nn.GELU()(x) ; torch.nn.Flatten(0)(x) ; torch.nn.Identity()(x) ;
torch.ceil(x) ; torch.subtract(x,1) ; torch.negative(x) ; torch.square(x) ; torch.clip(x,0,1) ; torch.absolute(x) ; torch.sigmoid(x) ;
torch.add(x,1) ; (x>0)|(x<0) ; x.chunk(2)[1] ; torch.split(x,1)[0] ; x.unbind(1)[2] ; torch.aminmax(x,dim=0)[1] ;
torch.std_mean(x,0)[1] ; torch.var_mean(x)[0] ; x.kthvalue(1,0).values ; torch.linalg.slogdet(x@x.T)[1] ; x.topk(2).values ;
torch.broadcast_tensors(x,V)[1] ; x.tensor_split(2)[0] ; torch.hsplit(x,3)[1] ; torch.meshgrid(x[0],x[1],indexing="ij")[1] ;
torch.meshgrid(x[0],x[1],indexing="xy")[0] ; x.cummax(0).indices ; F.interpolate(x[None],size=4,mode="linear") ;
F.conv2d(x[None],torch.ones(2,1,2,2),padding=1) ; F.max_pool2d(x[None],2,stride=1)"""


@pytest.mark.parametrize("expression", [part.strip() for part in EXPRESSIONS.replace("\n", " ").split(" ; ") if part.strip()])
def test_a_spelling_is_listed(expression):
    f = eval(f"lambda x: {expression}", {"torch": torch, "F": F, "W": W, "V": V, "IDX": IDX})
    graph = trace(f, shapes=[(2, 3)])  # which compares it with f itself
    assert isinstance(graph, FunctionGraph), graph
    assert FunctionGraph.from_json(graph.to_json(), graph.constants) == graph
    x = torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(5))
    names = [f"c{i}" for i in range(len(graph.constants))]
    lines, (result,) = graph.lines(["x"], "v", names)
    scope = {"torch": torch, "x": x[0], **dict(zip(names, graph.constants, strict=True))}
    exec("\n".join(lines), scope)
    expected = torch.stack([graph(row) for row in x])
    torch.testing.assert_close(scope[result], expected[0], equal_nan=True, rtol=1e-4, atol=1e-5, check_dtype=False)
    torch.testing.assert_close(batched(graph, ((2, 3),))(x)[0], expected, equal_nan=True, rtol=1e-4, atol=1e-5, check_dtype=False)


@pytest.mark.parametrize("f", [lambda x: x.max(0), lambda x: x.topk(2), lambda x: x.chunk(2), lambda x: x.sort()])
def test_several_results_are_named_in_a_dict(f):
    with pytest.raises(TypeError) as caught:
        trace(f, shapes=[(2, 3)])
    assert str(caught.value) == 'a function with several outputs returns a dict, which names them\n  try: return {"a": ..., "b": ...}'


@pytest.mark.parametrize(
    "f", [lambda x: F.dropout(x), lambda x: torch.nonzero(x), lambda x: torch.unique(x), lambda x: F.mse_loss(x, x, weight=x)]
)
def test_what_is_not_listed_is_opaque(f):
    assert isinstance(trace(f, shapes=[(2, 3)]), OpaqueFunction)
