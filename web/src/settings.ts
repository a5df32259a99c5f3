/**
 * What the deployment says of itself, in /settings.json beside the page. Nothing waits for it:
 * until it is there, and for whatever it does not say or says wrongly, there are defaults.
 */

import { useSyncExternalStore } from "react";

export interface Settings {
  /** Names the product, as the mails do. */
  productName: string;
  termsUrl: string | null;
  privacyUrl: string | null;
  docsUrl: string | null;
  /** A page, or `mailto:` with an address. */
  contactUrl: string | null;
  /** Where a customer calls the product API: for a line to copy, not for a link. */
  productApiUrl: string | null;
}

const LINK = /^https:\/\/[^\s"'`<>\\]+$/;
const CONTACT = /^(https:\/\/|mailto:)[^\s"'`<>\\]+$/;
const API = /^https?:\/\/[^\s"'`<>\\]+$/;

let current = read(null);
const listeners = new Set<() => void>();

export const settings = () => current;

/** The same for a component, which is rendered anew when they arrive. */
export const useSettings = () => useSyncExternalStore(subscribe, settings);

/** Asks for them, once. */
export async function loadSettings(): Promise<void> {
  try {
    const answer = await fetch("/settings.json", { cache: "no-store" });
    if (answer.ok) current = read(await answer.json());
  } catch {
    // The defaults stay.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function read(told: unknown): Settings {
  const fields: Record<string, unknown> = Object(told);
  const field = (name: string, form: RegExp) => {
    const value = fields[name];
    return typeof value === "string" && form.test(value) ? value : null;
  };
  return {
    productName: field("product_name", /\S/) ?? "Heify",
    termsUrl: field("terms_url", LINK),
    privacyUrl: field("privacy_url", LINK),
    docsUrl: field("docs_url", LINK),
    contactUrl: field("contact_url", CONTACT),
    productApiUrl: field("product_api_url", API),
  };
}
