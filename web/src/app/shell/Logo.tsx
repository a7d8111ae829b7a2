/** A room: two walls, and a floor of splats. The same drawing as public/icon.svg. */
export function Logo() {
  return (
    <svg className="logo" width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M15.4 2.8v14L3.4 23V9.6z" className="logo-left" />
      <path d="M16.6 2.8v14l12 6.2V9.6z" className="logo-right" />
      <ellipse cx="16" cy="21.2" rx="4.4" ry="2.1" className="logo-floor" />
      <ellipse cx="10" cy="24.6" rx="3.1" ry="1.5" className="logo-floor" />
      <ellipse cx="21.6" cy="25" rx="3.6" ry="1.7" className="logo-floor" />
      <ellipse cx="15.6" cy="28.4" rx="2.5" ry="1.2" className="logo-floor" />
    </svg>
  );
}
