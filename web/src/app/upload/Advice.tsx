import type { ReactNode } from "react";

/** How to film a room: five lines, each with a drawing. */
export function Advice() {
  return (
    <section className="advice" aria-labelledby="advice">
      <h2 id="advice">How to film a room</h2>
      <ol>
        <Step drawing={<Walk />} title="Walk along the walls">
          Face the middle of the room and go round once. Turning on the spot shows no depth.
        </Step>
        <Step drawing={<Slow />} title="Take your time">
          One to three minutes, as slowly as with a full cup in your hand: blur is lost.
        </Step>
        <Step drawing={<Heights />} title="At two heights">
          One round at chest height, one above your head, looking slightly down.
        </Step>
        <Step drawing={<Overlap />} title="See everything twice">
          Each picture should share most of its view with the one before, corners too.
        </Step>
        <Step drawing={<Light />} title="Bright and still">
          Turn on the lights, open the curtains; nobody walks through, nothing moves.
        </Step>
      </ol>
    </section>
  );
}

function Step({ drawing, title, children }: { drawing: ReactNode; title: string; children: ReactNode }) {
  return (
    <li>
      <svg className="drawing" viewBox="0 0 160 112" aria-hidden="true">
        {drawing}
      </svg>
      <h3>{title}</h3>
      <p className="quiet small">{children}</p>
    </li>
  );
}

const Walk = () => (
  <>
    <rect x="24" y="12" width="112" height="88" rx="3" className="d-line" />
    <rect x="66" y="42" width="28" height="28" rx="3" className="d-soft" />
    <path d="M40 84V40q0-12 12-12h56q12 0 12 12v32q0 12-12 12H62" className="d-path" />
    <path d="m70 77-8 7 8 7" className="d-accent" />
    <path d="m45 55 14 1-13 6m69-6-14 1 13 5M76 33l4 9 5-9" className="d-accent" />
  </>
);

const Slow = () => (
  <>
    <rect x="56" y="16" width="48" height="80" rx="8" className="d-line" />
    <path d="M74 88h12" className="d-line" />
    <circle cx="80" cy="50" r="17" className="d-soft" />
    <path d="M80 40v10l7 5" className="d-accent" />
    <path d="M24 42q10 14 0 28m-10-36q16 22 0 44M136 42q-10 14 0 28m10-36q-16 22 0 44" className="d-faint" />
  </>
);

const Heights = () => (
  <>
    <path d="M18 100h124" className="d-line" />
    <circle cx="50" cy="38" r="9" className="d-line" />
    <path d="M50 47v29m0 0-9 24m9-24 9 24M50 56l22 2" className="d-line" />
    <rect x="72" y="48" width="9" height="17" rx="2" className="d-fill" />
    <path d="M88 57h44m-6-5 6 5-6 5" className="d-accent" />
    <path d="M50 55 70 28" className="d-line" />
    <rect x="68" y="13" width="9" height="17" rx="2" transform="rotate(14 72 21)" className="d-fill" />
    <path d="m86 25 43 13m-4-7 4 7-7 2" className="d-accent" />
  </>
);

const Overlap = () => (
  <>
    <rect x="18" y="24" width="76" height="54" rx="4" className="d-line" />
    <rect x="42" y="34" width="76" height="54" rx="4" className="d-line" />
    <rect x="42" y="34" width="52" height="44" className="d-soft" />
    <path d="m50 70 12-16 9 9 7-12 10 19z" className="d-accent" />
    <path d="M126 62h16m-6-5 6 5-6 5" className="d-accent" />
  </>
);

const Light = () => (
  <>
    <path d="M80 8v18" className="d-line" />
    <path d="m60 52 10-26h20l10 26z" className="d-soft" />
    <path d="m60 52 10-26h20l10 26z" className="d-line" />
    <path d="m56 62-12 24m36-22v26m24-28 12 24" className="d-accent" />
    <path d="M30 100h100" className="d-line" />
  </>
);
