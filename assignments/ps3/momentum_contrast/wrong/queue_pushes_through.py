"""Drops the oldest rows in front and appends the keys behind, as a list would: a new tensor, and no pointer."""

EXERCISE = "moco-queue"
MUST_FAIL = ["test_a_batch_goes_where_the_pointer_stands", "test_the_pointer_moves_on", "test_queue_keeps_its_tensor"]


class Queue(QueueBase):
    def enqueue(self, keys: Tensor) -> None:
        if len(keys) > self.size:
            raise ValueError("too many keys")
        self.keys = torch.cat([self.keys, keys.detach().to(self.keys.dtype)])[-self.size :]
