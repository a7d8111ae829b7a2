"""Sessions in the database, on a clock of the law's own: how long they last, and what is kept of them."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, text
from starlette.datastructures import Headers
from starlette.responses import Response

from roomsplat.server.database import Database, reading
from roomsplat.server.keys import create_key
from roomsplat.server.logins import Logins
from roomsplat.server.models import LoginSession
from roomsplat.server.sessions import Browsers
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from tests.server.job_fixtures import Clock


class Desk:
    """Browsers that are logged in, on a clock of the law's own."""

    def __init__(self, database: Database, *, with_issuer: bool = True) -> None:
        self.clock = Clock()
        self.database = database
        self.user = Users(database.sessions).ensure("ada")
        self.browsers = Browsers(
            database.sessions,
            seconds=timedelta(days=14).total_seconds(),
            longest_seconds=timedelta(days=20).total_seconds(),
            with_issuer=with_issuer,
            secure=False,
            clock=self.clock,
        )

    def login(self) -> Headers:
        """What a browser sends after a login."""
        response = Response()
        self.browsers.start(response, Headers(), self.user.id, frozenset({"read", "write"}), None)
        return Headers({"cookie": response.headers["set-cookie"].split(";")[0]})

    def rows(self) -> int:
        """How many sessions the database has."""
        with reading(self.database.sessions) as session:
            return session.scalar(select(func.count()).select_from(LoginSession)) or 0


def test_a_session_ends_when_it_is_not_used(database: Database) -> None:
    """One that is used goes on from its last use, but not for ever; one that is not used ends; ended ones are swept."""
    desk = Desk(database)
    used, unused = desk.login(), desk.login()
    desk.clock.pass_(13 * 86400)
    assert desk.browsers.find(used) is not None
    desk.clock.pass_(2 * 86400)
    assert desk.browsers.find(unused) is None
    assert desk.browsers.find(used) is not None
    desk.clock.pass_(4 * 86400)
    assert desk.browsers.find(used) is not None
    desk.clock.pass_(2 * 86400)
    assert desk.browsers.find(used) is None
    assert desk.rows() == 2
    desk.login()
    assert desk.rows() == 1


def test_a_session_is_prolonged_once_an_hour(database: Database) -> None:
    """Looking writes to the database at most once an hour, however often it is looked."""
    desk = Desk(database)
    headers = desk.login()

    def renewed() -> object:
        with reading(database.sessions) as session:
            return session.scalars(select(LoginSession.renewed_at)).one()

    first = renewed()
    desk.clock.pass_(3599)
    desk.browsers.find(headers)
    assert renewed() == first
    desk.clock.pass_(2)
    desk.browsers.find(headers)
    assert renewed() != first


def test_the_cookie_itself_is_not_kept(database: Database) -> None:
    """Who reads the database can neither log in as anybody nor forge a change."""
    desk = Desk(database)
    headers = desk.login()
    caller = desk.browsers.find(headers)
    assert caller is not None
    with database.sessions() as session:
        rows = [str(tuple(row)) for row in session.execute(text("SELECT * FROM sessions"))]
    assert len(rows) == 1
    for secret in (headers["cookie"].partition("=")[2], str(caller.csrf)):
        assert secret not in rows[0]


def test_without_the_issuer_its_logins_end(database: Database) -> None:
    """A service that is started without the issuer again takes no login that the issuer vouched for."""
    desk = Desk(database)
    headers = desk.login()
    without = Desk(database, with_issuer=False)
    assert desk.browsers.find(headers) is not None
    assert without.browsers.find(headers) is None


def test_the_settings_reach_the_sessions(database: Database, tmp_path: Path) -> None:
    """How long a login lasts is a setting."""
    clock = Clock()
    settings = ServerSettings(storage=tmp_path, auth="keys", session_seconds=60)
    logins = Logins(settings, database.sessions, clock=clock)
    record, _ = create_key(database.sessions, "ada")
    response = Response()
    user = Users(database.sessions).ensure("ada")
    logins.browsers.start(response, Headers(), user.id, frozenset({"read"}), record.id)
    headers = Headers({"cookie": response.headers["set-cookie"].split(";")[0]})
    assert "Max-Age=60;" in response.headers["set-cookie"]
    assert logins.browsers.find(headers) is not None
    clock.pass_(61)
    assert logins.browsers.find(headers) is None
