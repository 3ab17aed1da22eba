"""Makes keys before queries, and hands the queue over without a copy: the loss makes its own."""

EXERCISE = "moco-step"


def moco_step(online, target, queue, view1, view2, temperature, momentum):
    with torch.no_grad():
        momentum_update(online, target, momentum)
        keys = target(view2).detach()
    queries = online(view1)
    old = queue.keys.detach().clone()
    queue.enqueue(keys)
    return moco_loss(queries, keys, old, temperature)
