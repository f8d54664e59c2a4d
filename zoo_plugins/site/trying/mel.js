// Log-mel spectrograms: the power of Hann windows in triangles of the mel scale (HTK).

const FLOOR = 1e-6;

/** The spectrogram of samples as {bands, frames, data}, row by row: a row is a band. */
export function logMel(samples, { rate, mel: bands, window, hop, low, high }) {
  const frames = 1 + Math.trunc((samples.length - window) / hop);
  const hann = Float64Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window));
  const triangles = melBands({ rate, bands, window, low, high });
  const data = new Float32Array(bands * frames);
  for (let frame = 0; frame < frames; frame++) {
    const power = powers(hann.map((weight, i) => weight * samples[frame * hop + i]));
    triangles.forEach((weights, band) => {
      const sum = weights.reduce((total, { bin, weight }) => total + weight * power[bin], 0);
      data[band * frames + frame] = Math.log(sum + FLOOR);
    });
  }
  return { bands, frames, data };
}

/** For each band the bins of the spectrum that count, with their weights. */
function melBands({ rate, bands, window, low, high }) {
  const [first, last] = [low, high].map((hz) => 2595 * Math.log10(1 + hz / 700));
  const edges = Array.from(
    { length: bands + 2 },
    (_, i) => 700 * (10 ** ((first + (i * (last - first)) / (bands + 1)) / 2595) - 1),
  );
  const bins = Array.from({ length: Math.trunc(window / 2) + 1 }, (_, bin) => bin);
  return Array.from({ length: bands }, (_, band) => {
    const [left, middle, right] = edges.slice(band, band + 3);
    const weightOf = (hz) => Math.min((hz - left) / (middle - left), (right - hz) / (right - middle));
    return bins.map((bin) => ({ bin, weight: weightOf((bin * rate) / window) })).filter(({ weight }) => weight > 0);
  });
}

/** Squared sizes of the spectrum of real numbers, up to half their rate. */
function powers(values) {
  const { re, im } = spectrum(values, new Float64Array(values.length));
  return re.slice(0, Math.trunc(values.length / 2) + 1).map((real, bin) => real * real + im[bin] * im[bin]);
}

/** The discrete Fourier transform: halved as long as lengths are even, then by its definition. */
function spectrum(re, im) {
  const count = re.length;
  const turns = (k, n) => (2 * Math.PI * ((k * n) % count)) / count;
  const [outRe, outIm] = [new Float64Array(count), new Float64Array(count)];
  if (count % 2) {
    for (let k = 0; k < count; k++) {
      for (let n = 0; n < count; n++) {
        const [c, s] = [Math.cos(turns(k, n)), Math.sin(turns(k, n))];
        outRe[k] += re[n] * c + im[n] * s;
        outIm[k] += im[n] * c - re[n] * s;
      }
    }
    return { re: outRe, im: outIm };
  }
  const part = (values, odd) => values.filter((_, n) => n % 2 === odd);
  const [even, odd] = [0, 1].map((which) => spectrum(part(re, which), part(im, which)));
  for (let k = 0; k < count; k++) {
    const [i, c, s] = [k % (count / 2), Math.cos(turns(k, 1)), Math.sin(turns(k, 1))];
    outRe[k] = even.re[i] + odd.re[i] * c + odd.im[i] * s;
    outIm[k] = even.im[i] + odd.im[i] * c - odd.re[i] * s;
  }
  return { re: outRe, im: outIm };
}
