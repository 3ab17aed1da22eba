"""What three networks paint of six photos: the opening of the lesson on autoencoders, as a module to put into it.

Trained as the lesson trains them, seed 0. The network that paints relief gets each hidden patch's mean and deviation
from the photo, and the patches that it was shown stay.
"""

import argparse
import base64
import io

import numpy as np
import torch
from course import HERE, reference
from methods import autoencoders
from PIL import Image
from torch import Tensor

from ps3 import data, training
from ps3.autoencoders import figures, parts

WHERE = HERE.parent / "autoencoders" / "lesson" / "opening.py"
HEAD = '''"""What three networks of the course's painted of the photos of the opening: rows of JPEG in base 85.

Made by `experiments/three_pictures.py`.
"""

'''


def trained(name: str, pictures: data.ImageSet, preset: training.Preset, seed: int) -> parts.PatchTransformer:
    """A network of the lesson's after its training."""
    network, names = parts.new_transformer(seed=seed), reference("autoencoders")
    step = autoencoders.step_of(name, network, pictures, names)
    steps = preset.steps("autoencoders", autoencoders.STEPS[name])
    training.train(network, step, pictures.unlabelled, steps=steps, batch_size=64, betas=parts.BETAS, seed=seed)
    return network.eval()


def painted(name: str, network: parts.PatchTransformer, photos: Tensor) -> Tensor:
    """Its answer to normalised photos (B, C, H, W), as photos."""
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if name == autoencoders.PREDICT:
            hidden = parts.hide(photos, 0.75, draws)
            area = parts.as_pixels(hidden, photos)
            return photos * (1 - area) + parts.with_relief(photos, network(photos, hidden)[0]) * area
        noisy = reference("autoencoders")["add_noise"](photos, autoencoders.SIGMA, draws)
        answer: Tensor = network(noisy if name == autoencoders.DENOISE else photos)[0]
        return answer


def packed(images: Tensor) -> str:
    """Images (B, 3, H, W), 0 to 1, beside each other in one JPEG, as text."""
    row = (images.clamp(0, 1) * 255).round().byte().permute(2, 0, 3, 1).flatten(1, 2)  # (H, B * W, 3)
    file = io.BytesIO()
    Image.fromarray(np.asarray(row)).save(file, "JPEG", quality=90, subsampling=0, optimize=True)
    return base64.b85encode(file.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    options = parser.parse_args()
    pictures, preset = data.load(), training.preset(options.preset)
    photos, text = pictures.normalize(figures.photos_of(pictures)), HEAD + "PAINTED = {\n"
    for letter, name in figures.NETWORKS.items():
        method = autoencoders.PREDICT if name == "MAE" else name
        answer = painted(method, trained(method, pictures, preset, seed=0), photos)
        code = packed(pictures.unnormalize(answer))
        lines = [code[at : at + 108] for at in range(0, len(code), 108)]
        text += f'    "{letter}": (\n' + "".join(f'        "{line}"\n' for line in lines) + "    ),\n"
    WHERE.write_text(text + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
