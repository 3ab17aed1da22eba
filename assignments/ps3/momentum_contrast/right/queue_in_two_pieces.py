"""What fits before the end, then the rest from row 0 on; the pointer is a new tensor."""

EXERCISE = "moco-queue"


class Queue(QueueBase):
    def enqueue(self, keys: Tensor) -> None:
        if len(keys) > self.size:
            raise ValueError(f"a batch of {len(keys)} is larger than the queue ({self.size})")
        start = int(self.pointer)
        before_the_end = min(len(keys), self.size - start)
        with torch.no_grad():
            self.keys[start : start + before_the_end].copy_(keys[:before_the_end])
            self.keys[: len(keys) - before_the_end].copy_(keys[before_the_end:])
        self.pointer = torch.tensor((start + len(keys)) % self.size, device=self.keys.device)
