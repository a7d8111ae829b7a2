/** The corner of a room, with three splats in it. */
export function Logo() {
  return (
    <svg className="logo" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="logo-ground" />
      <path d="M16 17V5M16 17 5.5 24.5M16 17l10.5 7.5" className="logo-lines" />
      <ellipse cx="10" cy="12.5" rx="2.6" ry="1.7" className="logo-a" transform="rotate(-30 10 12.5)" />
      <ellipse cx="22.5" cy="13" rx="3.2" ry="2" className="logo-b" transform="rotate(35 22.5 13)" />
      <ellipse cx="16" cy="25" rx="4" ry="1.8" className="logo-c" />
    </svg>
  );
}
