/** What the target asks for: nothing can be dropped with a finger, so a phone is asked to choose. */
export function DropWords({ what }: { what: "film" | "scene" }) {
  return (
    <>
      <span className="for-mouse">
        Drop a {what} here, or <u>choose one</u>
      </span>
      <u className="for-touch">Choose a {what}</u>
    </>
  );
}
