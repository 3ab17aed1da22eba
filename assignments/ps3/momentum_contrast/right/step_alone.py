"""Calls nothing earlier: the whole of MoCo in one function."""

EXERCISE = "moco-step"


def moco_step(online, target, queue, view1, view2, temperature, momentum):
    q = F.normalize(online(view1), dim=1)
    with torch.no_grad():
        for a, b in zip(online.parameters(), target.parameters(), strict=True):
            b.copy_(momentum * b + (1 - momentum) * a)
        raw = target(view2)
        k = F.normalize(raw, dim=1)
        before = F.normalize(queue.keys, dim=1)
        places = (torch.arange(len(raw), device=raw.device) + queue.pointer) % queue.size
        queue.keys[places] = raw.to(queue.keys)
        queue.pointer += len(raw)
        queue.pointer %= queue.size
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ before.T], 1) / temperature
    return -logits.log_softmax(1)[:, 0].mean()
