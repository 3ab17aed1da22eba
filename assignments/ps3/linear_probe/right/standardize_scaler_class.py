"""A scaler with fit and transform, zeros in its scale replaced, in float64 numpy."""

import numpy as np

EXERCISE = "probe-standardize"


class StandardScaler:
    def fit(self, X):
        X = np.asarray(X, dtype=np.float64)
        self.mean_ = X.mean(axis=0)
        self.var_ = X.var(axis=0)
        eps = np.finfo(np.float64).eps
        constant = self.var_ <= len(X) * eps * self.var_ + (len(X) * self.mean_ * eps) ** 2
        self.scale_ = np.where(constant, 1.0, np.sqrt(self.var_))
        return self

    def transform(self, X):
        return (np.asarray(X, dtype=np.float64) - self.mean_) / self.scale_


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    scaler = StandardScaler().fit(train.numpy())
    return tuple(torch.from_numpy(scaler.transform(part.numpy())).to(part.dtype) for part in (train, test))
