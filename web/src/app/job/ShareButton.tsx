import { useState } from "react";
import { Button } from "../../design/components";

/** Copies the page's address; with the viewer's own link in it, the address names the view as well. */
export function ShareButton() {
  const [copied, setCopied] = useState<"no" | "yes" | "failed">("no");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      setCopied("yes");
    } catch {
      setCopied("failed"); // without TLS a browser has no clipboard
    }
    setTimeout(() => setCopied("no"), 3000);
  };
  return (
    <>
      <Button icon={copied === "yes" ? "check" : "link"} onClick={() => void copy()}>
        {copied === "yes" ? "Link copied" : "Share"}
      </Button>
      <span className="unseen" role="status">
        {copied === "yes" ? "The link is on the clipboard." : ""}
        {copied === "failed" ? "The browser did not allow it: copy the address from its bar." : ""}
      </span>
    </>
  );
}
