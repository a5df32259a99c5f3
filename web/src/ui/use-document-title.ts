import { useEffect } from "react";
import { productName } from "../settings.ts";

export function useDocumentTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${productName}`;
  }, [title]);
}
