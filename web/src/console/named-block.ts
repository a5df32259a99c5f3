import { useIsFetching, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

const BLOCKS: Record<string, string> = {
  "#sandbox": "sandbox",
  "#keys": "api-keys",
  "#api-keys": "api-keys",
  "#team": "team",
  "#usage": "usage",
  "#activity": "activity",
};

/**
 * Goes to the block that the address names: once, when what stands above it is there. Renders
 * nothing: each read renders it anew, and not the page with it.
 */
export function NamedBlock() {
  const client = useQueryClient();
  const fetching = useIsFetching();
  const arrived = useRef(false);
  useEffect(() => {
    if (fetching > 0 || arrived.current) return;
    // A block may be told of the last answer after this one is: by then all of them are.
    const soon = setTimeout(() => {
      // Asked anew: on the first time round, the blocks ask for their data just before this.
      if (client.isFetching() > 0) return;
      arrived.current = true;
      // Whoever scrolled meanwhile is where they want to be.
      if (scrollY === 0) goToBlock();
    });
    return () => clearTimeout(soon);
  }, [client, fetching]);
  useEffect(() => {
    window.addEventListener("hashchange", goToBlock);
    return () => window.removeEventListener("hashchange", goToBlock);
  }, []);
  return null;
}

function goToBlock() {
  const block = document.getElementById(BLOCKS[location.hash] ?? "");
  block?.scrollIntoView();
  block?.querySelector("h2")?.focus({ preventScroll: true });
}
