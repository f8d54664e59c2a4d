// Pictures as files of the visitor, and as elements of the page.

import { make } from "./elements.js";

const MOST_PIXELS = 50e6;

/** A file as {width, height, data}, RGBA, turned upright, its colour profile ignored. An Error says why not. */
export async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => {
    throw new Error(`${file.name} is no picture that this browser reads: PNG, JPEG, WEBP or BMP`);
  });
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS)
    throw new Error(`${file.name} has ${width} x ${height} pixels, and up to 50 megapixels are taken`);
  const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** An empty canvas. */
export function canvasOf(width, height) {
  return make("canvas", { width, height });
}

/** A canvas that shows pixels in RGBA. */
export function shown({ width, height, data }) {
  const canvas = canvasOf(width, height);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  canvas.className = Math.min(width, height) < 128 ? "try-picture try-small" : "try-picture";
  return canvas;
}

/** The colour of a class, [red, green, blue]: 0 is black, the others are far apart on the colour wheel. */
export function colorOf(number) {
  if (number === 0) return [0, 0, 0];
  const [value, saturation] = [number % 2 ? 1 : 0.65, 0.85];
  const hue = (((number - 1) * (Math.sqrt(5) - 1)) / 2) % 1;
  const part = (offset) => {
    const k = (offset + hue * 6) % 6;
    return Math.round(255 * value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [part(5), part(3), part(1)];
}
