"""What jobs made, to download."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from roomsplat.server.archive import zip_of
from roomsplat.server.auth import CurrentUser
from roomsplat.server.downloads import download
from roomsplat.server.files import FileNotInStoreError
from roomsplat.server.schemas import FileList, FileView
from roomsplat.server.service import TheService, problems

router = APIRouter(tags=["files"])

ARCHIVE = "cameras.zip"
"""The cameras, pictures and points as COLMAP keeps them, in one file; made when it is asked for."""

HIDDEN = ("work/", "cameras/images/")
"""Not listed: the workspace, which is not served either, and the pictures, of which there are hundreds."""

BYTES: dict[str, Any] = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", **BYTES},
    206: {"description": "The asked-for range of it.", **BYTES},
    304: {"description": "The client has this version already."},
    **problems(404, 416),
}


@router.get("/static/models/{job_id}.ply", response_class=Response, responses=FILE)
def model(job_id: str, request: Request, user: CurrentUser, service: TheService) -> Response:
    """The splat of a completed job."""
    service.jobs.get(job_id, user.id)
    path = f"models/{job_id}.ply"
    return download(service.files, path, request.headers, name=f"{job_id}.ply", head=request.method == "HEAD")


@router.get("/api/jobs/{job_id}/files", responses=problems(404))
def list_files(job_id: str, user: CurrentUser, service: TheService) -> FileList:
    """The outputs that there are; while a job runs, those that are there already."""
    service.jobs.get(job_id, user.id)
    root = f"models/{job_id}/"
    found = service.files.stat_files(f"models/{job_id}")
    sizes = {path.removeprefix(root): stat.size for path, stat in found.items()}
    items = [
        FileView(name=name, size=size, url=f"/api/jobs/{job_id}/files/{name}")
        for name, size in sizes.items()
        if not name.startswith(HIDDEN)
    ]
    if "cameras/transforms.json" in sizes:
        items.append(FileView(name=ARCHIVE, size=None, url=f"/api/jobs/{job_id}/files/{ARCHIVE}"))
    return FileList(items=items)


@router.get("/api/jobs/{job_id}/files/{name:path}", response_class=Response, responses=FILE)
def file(job_id: str, name: str, request: Request, user: CurrentUser, service: TheService) -> Response:
    """One output: ``scene.ply``, ``mesh.glb``, ``report.html``, ``cameras/transforms.json`` and so on."""
    service.jobs.get(job_id, user.id)
    if name.startswith("work/"):
        raise FileNotInStoreError(name)
    if name == ARCHIVE:
        return _archive(service, job_id, head=request.method == "HEAD")
    path = f"models/{job_id}/{name}"
    return download(service.files, path, request.headers, name=name, head=request.method == "HEAD")


def _archive(service: TheService, job_id: str, *, head: bool) -> Response:
    folder = f"models/{job_id}/cameras"
    service.files.stat(
        f"{folder}/transforms.json"
    )  # complete once this is there: the folder is renamed into place
    headers = {"Content-Disposition": f"attachment; filename={ARCHIVE}", "Cache-Control": "no-store"}
    if head:
        return Response(headers=headers, media_type="application/zip")
    return StreamingResponse(zip_of(service.files, folder), headers=headers, media_type="application/zip")


router.head("/static/models/{job_id}.ply", include_in_schema=False)(model)
router.head("/api/jobs/{job_id}/files/{name:path}", include_in_schema=False)(file)
