// Another sample rate: a polyphase filter, a sinc in a Kaiser window, as long as 16 zeros of the sinc to each side.

const [ZEROS, BETA, ROLLOFF] = [16, 9, 0.94];

/** A channel at `rate` as it is at `wanted`; of more than `most` samples only so many in the middle. */
export function resampled(samples, rate, wanted, most) {
  const whole = Math.ceil((samples.length * wanted) / rate);
  const length = Math.min(whole, most);
  const first = Math.trunc((whole - length) / 2);
  if (rate === wanted) return samples.slice(first, first + length);
  const common = divisor(rate, wanted);
  const [up, down] = [wanted / common, rate / common];
  const cutoff = ROLLOFF * Math.min(1, up / down);
  const reach = Math.ceil(ZEROS / cutoff);
  const phases = new Map();
  return Float32Array.from({ length }, (_, n) => {
    const [place, phase] = [Math.trunc(((first + n) * down) / up), ((first + n) * down) % up];
    if (!phases.has(phase)) phases.set(phase, taps(reach, phase / up, cutoff));
    let sum = 0;
    phases.get(phase).forEach((tap, i) => (sum += tap * (samples[place - reach + i] ?? 0)));
    return sum;
  });
}

const divisor = (one, other) => (other ? divisor(other, one % other) : one);
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** The filter around its middle, which lies `phase` beyond a sample; it adds up to 1, so that silence stays even. */
function taps(reach, phase, cutoff) {
  const found = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const distance = i - reach - phase;
    const inside = 1 - ((distance * cutoff) / ZEROS) ** 2;
    return inside > 0 ? sinc(distance * cutoff) * bessel(BETA * Math.sqrt(inside)) : 0;
  });
  const sum = found.reduce((total, one) => total + one);
  return found.map((one) => one / sum);
}

/** The modified Bessel function of the first kind, of order 0, by its series. */
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-17; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}
