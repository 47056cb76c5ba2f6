"""The operations of OpInfo that the engine is to have: an entry counts with all its variants."""

CORE = set("""
abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax angle any arange argmax argmin argsort argwhere
as_strided asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm bernoulli bincount bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor block_diag bmm broadcast_to bucketize cat ceil chunk clamp clamp_max clamp_min clone
column_stack complex conj conj_physical contiguous copysign cos cosh count_nonzero cross cummax cummin cumprod cumsum deg2rad diag
diag_embed diagflat diagonal diff digamma div dot dsplit dstack einsum empty eq equal erf erfc erfinv exp exp2 expand expand_as expm1
eye flatten flip fliplr flipud float_power floor floor_divide fmax fmin fmod frac full full_like gather ge gt heaviside histc hsplit hstack
hypot imag index_add index_copy index_fill index_put index_select inner isclose isfinite isinf isnan kron kthvalue le lerp lgamma
linalg.cross linalg.multi_dot linspace log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logical_and logical_not logical_or
logical_xor logit logspace logsumexp lt mT masked_fill masked_select matmul max maximum mean median meshgrid min minimum mm mode movedim
msort mul multinomial mv nan_to_num nanmean nansum narrow ne neg new_empty new_full new_ones new_zeros nonzero norm normal ones ones_like
outer permute polar polygamma pow prod quantile rad2deg rand_like randint randint_like randn randn_like ravel real reciprocal remainder
repeat repeat_interleave reshape reshape_as roll rot90 round rsqrt rsub scatter scatter_add scatter_reduce searchsorted select sgn sigmoid
sign signbit sin sinc sinh slice softmax sort split split_with_sizes sqrt square squeeze stack std std_mean sub sum t T take
take_along_dim tan tanh tensor_split tensordot tile topk transpose trapezoid trapz tril tril_indices triu triu_indices true_divide trunc
unbind unflatten unfold unique unsqueeze var var_mean vdot view view_as view_as_complex view_as_real vsplit vstack where xlogy zeros
zeros_like __getitem__ __radd__ __rdiv__ __rmul__ __rpow__ __rsub__
bool byte char double float half int long short bfloat16
nn.functional._scaled_dot_product_attention nn.functional.scaled_dot_product_attention
nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d nn.functional.adaptive_avg_pool3d
nn.functional.adaptive_max_pool1d nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d
nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.avg_pool3d nn.functional.batch_norm nn.functional.binary_cross_entropy
nn.functional.binary_cross_entropy_with_logits nn.functional.celu nn.functional.channel_shuffle nn.functional.conv1d nn.functional.conv2d
nn.functional.conv3d nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.conv_transpose3d
nn.functional.cosine_embedding_loss nn.functional.cosine_similarity nn.functional.cross_entropy nn.functional.ctc_loss
nn.functional.dropout nn.functional.elu nn.functional.embedding nn.functional.embedding_bag nn.functional.gaussian_nll_loss
nn.functional.gelu nn.functional.glu nn.functional.group_norm nn.functional.hardshrink nn.functional.hardsigmoid nn.functional.hardswish
nn.functional.hardtanh nn.functional.hinge_embedding_loss nn.functional.huber_loss nn.functional.instance_norm nn.functional.interpolate
nn.functional.kl_div nn.functional.l1_loss nn.functional.layer_norm nn.functional.leaky_relu nn.functional.linear
nn.functional.local_response_norm nn.functional.logsigmoid nn.functional.margin_ranking_loss nn.functional.max_pool1d
nn.functional.max_pool2d nn.functional.max_pool3d nn.functional.mish nn.functional.mse_loss nn.functional.multi_margin_loss
nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss nn.functional.nll_loss nn.functional.normalize
nn.functional.one_hot nn.functional.pad nn.functional.pairwise_distance nn.functional.pixel_shuffle nn.functional.pixel_unshuffle
nn.functional.poisson_nll_loss nn.functional.prelu nn.functional.relu nn.functional.relu6 nn.functional.rms_norm nn.functional.rrelu
nn.functional.selu nn.functional.silu nn.functional.smooth_l1_loss nn.functional.soft_margin_loss nn.functional.softmin
nn.functional.softplus nn.functional.softshrink nn.functional.softsign nn.functional.tanhshrink nn.functional.threshold
nn.functional.triplet_margin_loss nn.functional.triplet_margin_with_distance_loss nn.functional.unfold nn.functional.fold
nn.functional.upsample_bilinear nn.functional.upsample_nearest
""".split())
