// The recipe of sounds: brought to one rate, one number of channels and one length, then to a spectrogram where asked for.

import { logMel } from "./mel.js";
import { resampled } from "./resampling.js";
import { readWav } from "./wav.js";

const USUAL = { rate: 16000, seconds: 1, channels: 1, mel: 0, window: 400, hop: 160, low_hz: 0, high_hz: 0 };

/** The tensor of the bytes of a WAV file. */
export function soundInput(bytes, { fields }, name) {
  const settings = { ...USUAL, ...fields };
  const { rate, seconds, channels: count, mel, low_hz: low, high_hz: high } = settings;
  const length = Math.max(1, roundHalfEven(rate * seconds));
  const sound = readWav(bytes, name);
  const waves = mixed(sound.channels, count).map((channel) =>
    ofLength(resampled(channel, sound.rate, rate, length), length),
  );
  if (!waves.every((wave) => wave.every(Number.isFinite)))
    throw new Error(`${name} has samples that are no finite numbers`);
  if (!mel) return { type: "float32", dims: [1, count, length], data: joined(waves) };
  const made = waves.map((wave) => logMel(wave, { ...settings, low, high: high || rate / 2 }));
  return { type: "float32", dims: [1, count, mel, made[0].frames], data: joined(made.map(({ data }) => data)) };
}

/** As Python rounds. */
const roundHalfEven = (number) => (number % 1 === 0.5 ? 2 * Math.round(number / 2) : Math.round(number));

/** So many channels: the mean for one, and the last repeated for more than there are. */
function mixed(channels, count) {
  if (count > 1) return Array.from({ length: count }, (_, c) => channels[Math.min(c, channels.length - 1)]);
  const sums = channels.reduce((total, channel) => total.map((one, t) => one + channel[t]));
  return [sums.map((one) => one / channels.length)];
}

/** A longer one loses what is over at both ends alike, a shorter one gets silence at both ends alike. */
function ofLength(samples, length) {
  if (samples.length >= length) {
    const begin = Math.trunc((samples.length - length) / 2);
    return samples.slice(begin, begin + length);
  }
  const made = new Float32Array(length);
  made.set(samples, Math.trunc((length - samples.length) / 2));
  return made;
}

function joined(parts) {
  const made = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  parts.reduce((at, part) => (made.set(part, at), at + part.length), 0);
  return made;
}
