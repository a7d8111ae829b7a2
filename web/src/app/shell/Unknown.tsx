import { Link } from "../../design/components";

export function Unknown() {
  return (
    <section className="empty">
      <h1>There is nothing at this address.</h1>
      <p className="quiet">The link may be incomplete, or what it led to was deleted.</p>
      <Link to="/jobs" className="button primary">
        Go to my rooms
      </Link>
    </section>
  );
}
