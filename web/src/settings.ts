/** What a deployment writes into the console when it builds it; see `web/.env`. */

/** Names the product, as the mails do. */
export const productName = import.meta.env.VITE_PRODUCT_NAME || "Heify";

/** Where the terms can be read, if the deployment says so. */
export const termsUrl = import.meta.env.VITE_TERMS_URL || null;
