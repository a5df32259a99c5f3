import { Component, type ReactNode } from "react";

interface Props {
  /** In its place, when it fails again and again. */
  fallback: ReactNode;
  children: ReactNode;
}

const FRESH_STARTS = 3;

/**
 * Keeps a fault to the part of the page in which it is, and begins that part anew: most faults are
 * of elements that an extension or a translator moved, and those are made anew with it.
 */
export class FaultBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };
  #faults = 0;

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidCatch() {
    this.#faults += 1;
    if (this.#faults <= FRESH_STARTS) this.setState({ failed: false });
  }

  override render() {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}
