// The file of a page, compared with the size and the SHA-256 that `model.json` says.

/** Why files cannot be compared with their hashes here; empty where they can. */
export const noHashes = () =>
  globalThis.crypto?.subtle
    ? ""
    : "This page came over http, where browsers compute no hashes, so that the file cannot be compared with its own. " +
      "Open it over https, or from localhost as zoo site --serve does.";

/** The bytes at `address`, as {bytes, isCompared}. `onPart` is told how many bytes have come. An Error says what is wrong. */
export async function download(address, file, onPart = () => {}) {
  const ask = async (cache) => {
    const response = await fetch(address, { cache });
    if (!response.ok) throw new Error(`${file.name} cannot be loaded: status ${response.status}`);
    const bytes = await joined(response.body, onPart);
    return { bytes, fault: await faultOf(bytes, file), isCompared: Boolean(file.sha256) };
  };
  // What a browser has kept may be the file of before, and the page the new one.
  const kept = await ask("default");
  const { fault, ...found } = kept.fault ? await ask("reload") : kept;
  if (fault) throw new Error(`${file.name} was refused: ${fault}`);
  return found;
}

async function faultOf(bytes, { bytes: size, sha256 }) {
  if (size !== undefined && bytes.length !== size) return `it has ${bytes.length} bytes, and this page says ${size}`;
  if (!sha256) return "";
  const found = hexadecimal(await crypto.subtle.digest("SHA-256", bytes));
  return found === sha256 ? "" : `its SHA-256 is ${found}, and this page says ${sha256}`;
}

async function joined(body, onPart) {
  const parts = [];
  let length = 0;
  for (let reader = body.getReader(), part; !(part = await reader.read()).done;) {
    parts.push(part.value);
    onPart((length += part.value.length));
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const hexadecimal = (buffer) =>
  Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
