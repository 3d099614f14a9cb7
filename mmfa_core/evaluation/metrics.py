"""Metrics of pictures.

In: pictures as tensors. Out: one number a picture.
Knows nothing about models, landmarks or files, and loads no network.
"""

from __future__ import annotations

import torch
from torch import Tensor

PSNR_MAX_DB = 100.0  # what equal pictures get
SSIM_WINDOW_PX = 11
SSIM_SIGMA_PX = 1.5


def l1(pictures: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """Measure the mean absolute difference.

    Args:
        pictures: (B, 3, H, W), [0, 1].
        truth: (B, 3, H, W), [0, 1].
        mask: (B, 1, H, W), where to measure; everywhere when None.

    Returns:
        (B,), [0, 1].
    """
    return _mean((pictures - truth).abs().mean(1, keepdim=True), mask)


def psnr(pictures: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """Measure the peak signal-to-noise ratio; arguments as in l1().

    Returns:
        (B,), dB, at most PSNR_MAX_DB.
    """
    error = _mean(((pictures - truth) ** 2).mean(1, keepdim=True), mask)
    return -10 * torch.log10(error.clamp_min(10 ** (-PSNR_MAX_DB / 10)))


def ssim(pictures: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """Measure structural similarity; arguments as in l1().

    Returns:
        (B,), at most 1 (equal pictures).
    """
    return _mean(ssim_map(pictures, truth), _inner(mask))


def ssim_map(pictures: Tensor, truth: Tensor) -> Tensor:
    """Measure structural similarity at each place, with a Gaussian window, of RGB in [0, 1].

    Args:
        pictures: (B, 3, H, W).
        truth: (B, 3, H, W).

    Returns:
        (B, 1, H - 10, W - 10): the border, where the window doesn't fit, is left out.
    """
    down = _blur_matrix(pictures.shape[-2]).to(pictures)
    across = _blur_matrix(pictures.shape[-1]).to(pictures).T

    def blur(maps: Tensor) -> Tensor:
        return down @ maps @ across

    pictures, truth = pictures.contiguous(), truth.contiguous()  # matrices want rows together
    mean_p, mean_t = blur(pictures), blur(truth)
    var_p = blur(pictures**2) - mean_p**2
    var_t = blur(truth**2) - mean_t**2
    both = blur(pictures * truth) - mean_p * mean_t
    light = (2 * mean_p * mean_t + 1e-4) / (mean_p**2 + mean_t**2 + 1e-4)
    structure = (2 * both + 9e-4) / (var_p + var_t + 9e-4)
    return (light * structure).mean(1, keepdim=True)


def picture_scores(
    pictures: Tensor, truth: Tensor, boxes: Tensor, *, with_ssim: bool = True
) -> dict[str, Tensor]:
    """Measure L1, PSNR and SSIM, on the whole picture and inside the face box.

    Args:
        pictures: (B, 3, H, W), [0, 1].
        truth: (B, 3, H, W), [0, 1].
        boxes: (B, 4), face boxes of the truth, px.
        with_ssim: False leaves out what takes most of the time.

    Returns:
        Names of evaluation.md (``L1``, ``L1_face``, ...) to (B,).
    """
    face = box_mask(boxes, *pictures.shape[-2:])
    scores = {
        "L1": l1(pictures, truth),
        "PSNR": psnr(pictures, truth),
        "L1_face": l1(pictures, truth, face),
        "PSNR_face": psnr(pictures, truth, face),
    }
    if with_ssim:
        similar = ssim_map(pictures, truth)
        scores["SSIM"] = _mean(similar, None)
        scores["SSIM_face"] = _mean(similar, _inner(face))
    return scores


def box_mask(boxes: Tensor, rows: int, columns: int) -> Tensor:
    """Draw boxes as masks.

    Args:
        boxes: (B, 4), x0, y0, x1, y1, px.
        rows: height of the masks, px.
        columns: width of the masks, px.

    Returns:
        (B, 1, rows, columns), 1 where the centre of a pixel is inside.
    """
    x = torch.arange(columns, device=boxes.device) + 0.5
    y = torch.arange(rows, device=boxes.device) + 0.5
    across = (x >= boxes[:, :1]) & (x <= boxes[:, 2:3])  # (B, columns)
    down = (y >= boxes[:, 1:2]) & (y <= boxes[:, 3:])  # (B, rows)
    return (down[:, :, None] & across[:, None, :])[:, None].float()


def ring_mask(boxes: Tensor, rows: int, columns: int, width_px: int) -> Tensor:
    """Draw the outermost pixels of a picture, left, right and above, down to the chin.

    What is there is background in a crop with room round the head; shoulders are left out.

    Args:
        boxes: (B, 4), face boxes, px; their lower side is the chin.
        rows: height of the masks, px.
        columns: width of the masks, px.
        width_px: width of the ring.

    Returns:
        (B, 1, rows, columns).
    """
    ring = torch.zeros(rows, columns, device=boxes.device)
    ring[:width_px] = 1
    ring[:, :width_px] = 1
    ring[:, -width_px:] = 1
    above = torch.arange(rows, device=boxes.device) + 0.5 <= boxes[:, 3:]  # (B, rows)
    return (ring * above[:, :, None])[:, None]


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return values.mean((1, 2, 3))
    return (values * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1)


def _inner(mask: Tensor | None) -> Tensor | None:
    half = SSIM_WINDOW_PX // 2
    return None if mask is None else mask[..., half:-half, half:-half]


def _blur_matrix(length: int) -> Tensor:
    """Build (length - 10, length): each row is the Gaussian window at one place."""
    centre = torch.arange(length - SSIM_WINDOW_PX + 1)[:, None] + SSIM_WINDOW_PX // 2
    far = (torch.arange(length)[None] - centre).float()
    bell = torch.exp(-(far**2) / (2 * SSIM_SIGMA_PX**2))
    bell = torch.where(far.abs() <= SSIM_WINDOW_PX // 2, bell, 0)
    return bell / bell.sum(1, keepdim=True)
