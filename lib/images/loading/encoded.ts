// Encoded images in memory (uploads, buffers of a notebook) to a model's input size. Shapes: S side of the input in px.
import type { ResizeMode } from "../../config/model";
import { decodeRgb } from "../decode";
import { inputSquare } from "../input_square";
import { jpegDecoder } from "../jpeg/decoder";
import { withJpegPixels } from "../jpeg/with_pixels";
import type { RgbImage } from "../pixels/rgb_image";

/**
 * Decodes the bytes of an image file to uint8 [S, S, 3], with the pixels that `loadImages` gives for the same bytes in a
 * file.
 * @param sidePx S
 * @param mode how the image becomes a square
 * @throws ImageError with the reason for bytes that are no image that can be read
 */
export async function decodeToSquare(file: Uint8Array, sidePx: number, mode: ResizeMode): Promise<RgbImage> {
  const square = (image: RgbImage): RgbImage => {
    const { data, width, height } = inputSquare(image, sidePx, mode);
    return { data: Uint8Array.from(data), width, height }; // the kernels' memory is used again
  };
  const byEngine = withJpegPixels(jpegDecoder(), file, square);
  return byEngine ? byEngine.result : square(await decodeRgb(file));
}
