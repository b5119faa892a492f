"""The architectures that every experiment may name."""

THIRTEEN = [
    "alexnet",
    "vgg16",
    "plain_resnet18",
    "resnet_cbam",
    "custom_resnet18",
    "custom_resnet_cbam",
    "resnet50",
    "resnet101",
    "densenet121",
    "xception",
    "xception_vgg16_fusion",
    "xception_lstm",
    "custom_cnn_lstm",
]
