"""Two optimisers; gradients are set to zero rather than removed."""

EXERCISE = "transfer-finetune-step"


def finetune_step(network: Classifier, images: Tensor, labels: Tensor, head_rate: float, backbone_rate: float) -> float:
    optimisers = [torch.optim.SGD(network.head.parameters(), lr=head_rate)]
    if backbone_rate > 0:
        network.train()
        optimisers.append(torch.optim.SGD(network.backbone.parameters(), lr=backbone_rate))
    else:
        network.train()
        network.backbone.eval()
    for p in network.parameters():
        if p.grad is not None:
            p.grad.zero_()
    value = -F.log_softmax(network(images), dim=-1)[range(len(labels)), labels].mean()
    value.backward()
    for optimiser in optimisers:
        optimiser.step()
    network.zero_grad(set_to_none=False)
    return value.detach().cpu().numpy().item()
