"""``/docs``: the description of the API as a page to try things out, with every file of it from this machine.

FastAPI's own page loads Swagger UI from another host; ours takes it from the package ``fastapi-swagger``, whose two
files are those of npm's ``swagger-ui-dist`` byte for byte (a law compares).
"""

from importlib import resources

from fastapi import APIRouter, HTTPException, Response

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>roomsplat: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" defer></script>
</head>
<body>
<div id="description"></div>
<noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> says the same.</noscript>
</body>
</html>
"""

START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#description",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null, // the description is shown to nobody else
});
"""

FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; "  # pictures inside its style sheet
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: nothing from elsewhere."""

HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
KEPT = {"Cache-Control": "max-age=3600"}


@router.get("/docs")
def page() -> Response:
    """The page itself."""
    return Response(PAGE, media_type="text/html", headers=HEADERS)


@router.get("/docs/{name}")
def part(name: str) -> Response:
    """A file of the page."""
    if name == "start.js":
        return Response(START, media_type="text/javascript", headers=KEPT)
    if name not in FILES:
        raise HTTPException(404, "There is no such file of this page.")
    content = resources.files("fastapi_swagger.resources").joinpath(name).read_bytes()
    return Response(content, media_type=FILES[name], headers=KEPT)
