"""PyTorch's side of `npm run bench loader`: a DataLoader with two worker processes, OpenCV and albumentations."""

import sys
import warnings
from pathlib import Path

import albumentations as A
import cv2
import torch
from contestant import WITH_WORKERS, serve

warnings.filterwarnings("ignore")  # ShiftScaleRotate is announced to become Affine
cv2.setNumThreads(0)


CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def plain(size_px, mean, std):
    return A.Compose([A.Resize(size_px, size_px), A.Normalize(mean, std)])


def augmentation(size_px, mean=CLIP[0], std=CLIP[1]):
    return A.Compose(
        [
            A.Resize(size_px, size_px),
            A.HorizontalFlip(p=0.5),
            A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
            A.ShiftScaleRotate(
                shift_limit=0, scale_limit=0.2, rotate_limit=10, border_mode=cv2.BORDER_CONSTANT, p=0.5
            ),
            A.CoarseDropout(
                num_holes_range=(1, 1), hole_height_range=(0.1, 0.2), hole_width_range=(0.1, 0.2), fill=0, p=0.5
            ),
            A.Normalize(mean, std),
        ]
    )


class Images(torch.utils.data.Dataset):
    def __init__(self, paths, chain):
        self.paths, self.chain = paths, chain

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        image = cv2.cvtColor(cv2.imread(self.paths[index]), cv2.COLOR_BGR2RGB)
        return torch.from_numpy(self.chain(image=image)["image"].transpose(2, 0, 1).copy())


def loader(folder, size_px, batch):
    paths = sorted(str(path) for path in Path(folder).glob("*.jpg"))
    options = {"shuffle": True, "drop_last": True, "num_workers": 2, "persistent_workers": True}
    return torch.utils.data.DataLoader(Images(paths, augmentation(size_px)), batch_size=batch, **options)


def iterate(batches):
    for _ in batches:
        pass


if __name__ == "__main__":
    batches = loader(sys.argv[1], 224, 32)
    serve(lambda: iterate(batches), kinds=WITH_WORKERS)
