import { useEffect, useRef, useState } from "react";

/** Whether somebody can see the page: a hidden one asks for nothing. */
export function useVisible(): boolean {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    const change = () => setVisible(!document.hidden);
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }, []);
  return visible;
}

/** Calls again and again while `every` is a number of milliseconds. */
export function useInterval(call: () => void, every: number | null): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => latest.current(), every);
    return () => clearInterval(timer);
  }, [every]);
}

/** A function that may be called often and calls at most once in so many milliseconds, the last time included. */
export function useThrottled(call: () => void, ms: number): () => void {
  const latest = useRef(call);
  latest.current = call;
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const called = useRef(0);
  useEffect(() => {
    return () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    };
  }, []);
  const throttled = useRef(() => {
    if (timer.current !== null) return;
    const wait = Math.max(0, called.current + ms - Date.now());
    timer.current = setTimeout(() => {
      timer.current = null;
      called.current = Date.now();
      latest.current();
    }, wait);
  });
  return throttled.current;
}

/** Time that passes, for "2 minutes ago". */
export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useInterval(() => setNow(Date.now()), every);
  return now;
}

/** What the browser's tab says. */
export function useTitle(words: string | null): void {
  useEffect(() => {
    document.title = words === null ? "roomsplat" : `${words} · roomsplat`;
    return () => {
      document.title = "roomsplat";
    };
  }, [words]);
}
