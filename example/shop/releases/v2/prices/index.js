/** Article → price in cents. */
export const prices = { apple: 30, bread: 320, coffee: 890, tea: 450 };

/** `8.90 EUR` for 890. */
export function formatPrice(cents) {
  return `${(cents / 100).toFixed(2)} EUR`;
}
