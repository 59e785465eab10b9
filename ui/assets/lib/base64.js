/** Base64 of bytes and of UTF-8 text, as tus wants it. */

/** @param {Uint8Array} bytes */
export function base64(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** @param {string} words */
export const base64Text = (words) => base64(new TextEncoder().encode(words));
