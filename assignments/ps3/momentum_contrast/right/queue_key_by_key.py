"""One key after the other."""

EXERCISE = "moco-queue"


class Queue(QueueBase):
    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        if keys.shape[0] > self.keys.shape[0]:
            raise ValueError("more keys than rows")
        for key in keys:
            self.keys[self.pointer] = key
            self.pointer += 1
            self.pointer %= self.size
