"""What a title says when there is nothing to see: "not found", or "log in", in the languages pages are written in.

Only whole titles count, but for the name of the site beside them: "Page not found · Example" says it, "Fix the page that is not
found · Pull Request #3" speaks of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_BETWEEN: Final = re.compile(r"\s+[|\-–—·•»«›~:/]+\s+|\s*[|｜]\s*")
_WORD: Final = re.compile(r"\w+")
# A bug, a commit or a repository has words like these in its title; the name of a site has not.
_NO_SITE: Final = re.compile(r"[/@#\[\]]|\b[0-9]+\b")
_NUMBER: Final = "404"
_ASIDES: Final = frozenset(
    [_NUMBER, "error", "oops", "ooops", "whoops", "sorry", "ups", "hoppla", "fehler", "erreur", "errore", "erro", "fout"]
) | frozenset(["błąd", "chyba", "fel", "fejl", "feil", "virhe", "hata", "ошибка", "помилка", "エラー", "错误", "錯誤", "오류"])

_NOT_FOUND: Final = (
    # English; the sentences are those of Rails, Next.js, GitHub Pages, Apache and nginx.
    *("not found", "page not found", "file not found", "object not found", "resource not found", "content not found"),
    *("site not found", "the page was not found", "this page was not found", "page cannot be found", "page could not be found"),
    *("the page cannot be found", "the page could not be found", "this page could not be found", "we can't find that page"),
    *("file or directory not found", "page doesn't exist", "page does not exist", "this page doesn't exist"),
    *("this page does not exist", "the page you were looking for doesn't exist", "page unavailable", "no such page"),
    *("this page isn't available", "page isn't available", "page not available", "page no longer exists"),
    # German, Dutch, Swedish, Danish, Norwegian, Finnish.
    *("nicht gefunden", "seite nicht gefunden", "die seite wurde nicht gefunden", "seite wurde nicht gefunden"),
    *("diese seite existiert nicht", "seite existiert nicht", "datei nicht gefunden", "niet gevonden", "pagina niet gevonden"),
    *("sidan hittades inte", "sidan kunde inte hittas", "sidan finns inte", "siden blev ikke fundet", "siden findes ikke"),
    *("siden ble ikke funnet", "fant ikke siden", "ikke funnet", "sivua ei löytynyt", "sivua ei löydy"),
    # French, Spanish, Portuguese, Italian, Romanian.
    *("page introuvable", "page non trouvée", "non trouvé", "cette page n'existe pas", "cette page est introuvable"),
    *("página no encontrada", "no encontrado", "no encontrada", "esta página no existe", "la página no existe"),
    *("página não encontrada", "não encontrado", "não encontrada", "esta página não existe"),
    *("pagina non trovata", "non trovato", "questa pagina non esiste", "pagina nu a fost găsită", "pagină negăsită"),
    # Polish, Czech, Slovak, Hungarian, Turkish, Greek.
    *("nie znaleziono", "nie znaleziono strony", "strona nie została znaleziona", "strona nie istnieje", "stránka nenalezena"),
    *("stránka nebyla nalezena", "nenalezeno", "stránka sa nenašla", "az oldal nem található", "oldal nem található"),
    *("sayfa bulunamadı", "bulunamadı", "η σελίδα δεν βρέθηκε"),
    # Russian, Ukrainian, Hebrew, Arabic.
    *("страница не найдена", "не найдено", "такой страницы нет", "сторінку не знайдено", "не знайдено"),
    *("הדף לא נמצא", "الصفحة غير موجودة", "لم يتم العثور على الصفحة"),
    # Japanese, Chinese, Korean, Vietnamese, Indonesian.
    *("ページが見つかりません", "ページが見つかりませんでした", "お探しのページは見つかりませんでした", "ページは存在しません"),
    *("页面不存在", "页面未找到", "找不到页面", "未找到页面", "未找到", "頁面不存在", "找不到頁面", "找不到網頁"),
    *("페이지를 찾을 수 없습니다", "không tìm thấy trang", "halaman tidak ditemukan"),
)
_LOGIN: Final = (
    *("log in", "login", "sign in", "signin", "please log in", "please sign in", "log in or sign up", "sign in or sign up"),
    *("anmelden", "anmeldung", "einloggen", "connexion", "se connecter", "iniciar sesión", "inicio de sesión", "entrar"),
    *("accedi", "inloggen", "aanmelden", "logga in", "log ind", "logg inn", "zaloguj się", "logowanie", "přihlášení"),
    *("giriş yap", "войти", "вход", "увійти", "ログイン", "登录", "登入", "로그인", "đăng nhập"),
)
_LOGIN_TO: Final = re.compile(r"(?:log in|login|sign in) (?:to|with|using) (?:\w+ ?){1,4}")


def says_not_found(title: str) -> bool:
    """Whether a title says that there is nothing, and speaks of nothing else but the site it stands on."""
    return _alone(title, _is_not_found)


def says_login(title: str) -> bool:
    """Whether a title says that one has to log in, and speaks of nothing else but the site it stands on."""
    return _alone(title, lambda words: words in _LOGIN_WORDS or _LOGIN_TO.fullmatch(words) is not None)


def heading_says_not_found(heading: str, title: str) -> bool:
    """The same of a heading. One that the title repeats was judged with it: a page about such pages has it in both."""
    words = _words(heading)
    return _is_not_found(words) and words not in _words(title)


def _alone(title: str, says: Callable[[str], bool]) -> bool:
    """Whether a piece of a title says so, and what is left is at most one piece that can be the name of a site."""
    pieces = [piece for piece in _BETWEEN.split(title.strip()) if piece]
    others = [piece for piece in pieces if not says(_words(piece))]
    return len(others) < len(pieces) and len(others) <= 1 and not any(_NO_SITE.search(other) for other in others)


def _is_not_found(words: str) -> bool:
    said = words.split()
    left = " ".join(word for word in said if word not in _ASIDES)
    return left in _NOT_FOUND_WORDS if left else _NUMBER in said


def _words(text: str) -> str:
    """What of a text is heard: its words, folded, a blank between them."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("’", "")
    return " ".join(_WORD.findall(plain.casefold().replace("'", "")))


_NOT_FOUND_WORDS: Final = frozenset(_words(text) for text in _NOT_FOUND)
_LOGIN_WORDS: Final = frozenset(_words(text) for text in _LOGIN)
