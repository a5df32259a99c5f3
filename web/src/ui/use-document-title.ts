import { useEffect } from "react";
import { useSettings } from "../settings.ts";

export function useDocumentTitle(title: string): void {
  const { productName } = useSettings();
  useEffect(() => {
    document.title = `${title} · ${productName}`;
  }, [title, productName]);
}
