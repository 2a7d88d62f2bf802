"""Find the names of authors in bylines, as news sites write them in Chinese and English. Pure.

A byline is split at its labels and separators. Tables list the words to cut off before and after
the name in each piece. A remainder that does not have the form of a name is dropped.
"""

import re
from collections.abc import Collection, Iterator

from feedproxy import markup
from feedproxy.markup import Element

_MAX_BYLINE, _MAX_NAME, _MAX_WORDS = 300, 60, 6
# Transliterated names have up to eight characters; names with dots between their parts, and
# Japanese names, have more.
_MAX_CJK, _MAX_DOTTED = 8, 24
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_DOTS = "·‧・•．"
# Labels before the names of authors, and labels before other names (photographers, editors,
# sources).
_AUTHOR_LABELS = (
    "作者|撰文|撰稿|執筆|执笔|编译|編譯|翻译|翻譯|译者|譯者|记者|記者"
    "|采访|採訪|原作|原著|文|译|譯|著"
)
_OTHER_LABELS = (
    "责任编辑|責任編輯|责编|責編|编辑|編輯|文字整理|整理|校对|校對|审核|審核|摄影|攝影|图片|圖片|图说|圖說|视频|視頻|制作|製作"
    "|朗诵|朗誦|播音|主持|文章来源|文章來源|来源|來源|出处|出處|转自|轉自|转载|轉載|编者按|編者按|编按|編按|注|图|圖|摄|攝"
)
_LABEL = re.compile(
    rf"(?<![{_CJK}](?=[文译譯著注图圖摄攝]\s*[:：]))(?:(?P<other>{_OTHER_LABELS})|(?P<own>{_AUTHOR_LABELS}))\s*[:：/／]\s*"
    r"|(?P<bare>责任编辑|責任編輯|责编|責編)\s*"
    r"|\b(?P<credit>(?:photos?|pictures?|images?|edited|illustrations?|translated|video)(?:\s+credit)?\s*(?:by|:)\s+)",
    re.IGNORECASE,
)
_HAS_CREDIT = re.compile("记者|記者|作家|报导|报道|報導|報道|编译|編譯|撰文")
_SEPARATOR = re.compile(
    r"[、，,;；/／|｜&＆+\n]|\s[-–—]\s|\s(?:and|und|et|with)\s|(?<=[^\s])以及|\s(?:和|与|與|及)\s",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+|(?<!\w)@\w+")
_DATE = re.compile(r"(?:\d{2,4}\s*年)?\s*(?:\d{1,2}\s*月)?\s*\d{1,2}\s*日\s*(?:电|電|讯|訊)?")
_BRACKETS = re.compile(r"[（(\[【〔][^（）()\[\]【】〔〕]*[）)\]】〕]")
# Roles, which come before or after a name.
_ROLES = (
    "记者|記者|专栏作家|專欄作家|专栏作者|專欄作者|特约作者|特約作者|作家|作者|撰稿人|评论员|評論員|特派员|特派員|通讯员|通訊員|主笔|主筆"
    "|主编|主編|研究员|研究員"
)
_BEFORE = re.compile(rf".*(?:{_ROLES})(?!站)")
_VERBS = (
    "综合|綜合|编译|編譯|采访|採訪|专访|專訪|整理|联合|聯合|独家|獨家|现场|現場|连线|連線|撰写|撰寫|撰文|撰稿|报导|报道|報導|報道|翻译|翻譯|综述|綜述"
    "|特稿|来稿|來稿|供稿|投稿|口述|执笔|執筆|摄影|攝影|编写|編寫|分析|评论|評論|即时|即時|电|電|讯|訊|译|譯|文|著|摄|攝"
)
_BEHIND = re.compile(rf"(?:\s*(?:{_VERBS}|{_ROLES}))+\Z")
# Places that come after names in bylines: those of the real pages, and their countries.
_PLACES = re.compile(
    "台湾|台灣|台北|臺北|高雄|台中|新竹|桃园|桃園|屏东|屏東|花莲|花蓮|苗栗|嘉义|嘉義|基隆|宜兰|宜蘭|彰化|云林|雲林|南投|台南|台东|台東|香港|澳门|澳門"
    "|北京|上海|中国|中國|美国|美國|纽约|紐約|华盛顿|華盛頓|旧金山|舊金山|洛杉矶|洛杉磯|圣地亚哥|聖地亞哥|新泽西|新澤西|加州|弗吉尼亚|維吉尼亞|芝加哥|休斯顿"
    "|休斯頓|费城|費城|波士顿|波士頓|西雅图|西雅圖|亚特兰大|亞特蘭大|达拉斯|達拉斯|佛州|德州|加拿大|多伦多|多倫多|温哥华|溫哥華|渥太华|渥太華|卡尔加里|卡爾加里"
    "|蒙特利尔|蒙特利爾|埃德蒙顿|澳洲|澳大利亚|澳大利亞|悉尼|墨尔本|墨爾本|布里斯班|珀斯|新西兰|新西蘭|奥克兰|奧克蘭|日本|东京|東京|大阪|韩国|韓國|首尔|首爾|泰国|泰國|曼谷"
    "|马来西亚|馬來西亞|新加坡|印尼|印度|越南|菲律宾|菲律賓|英国|英國|伦敦|倫敦|德国|德國|柏林|慕尼黑|法国|法國|巴黎|瑞士|日内瓦|日內瓦|瑞典|斯德哥尔摩|斯德哥爾摩|荷兰"
    "|荷蘭|意大利|義大利|罗马|羅馬|西班牙|马德里|馬德里|丹麦|丹麥|哥本哈根|芬兰|芬蘭|挪威|奥地利|維也納|维也纳|比利时|布鲁塞尔|布魯塞爾|欧洲|歐洲|以色列|俄罗斯|俄羅斯|莫斯科|乌克兰|烏克蘭"
)
# Names that are not authors: whole names, and endings of names. An editorial department does count
# as an author.
_NOBODY = re.compile(
    r"(?!.*(?:编辑|編輯)部)(?:大[纪紀]元|新唐人|美国之音|美國之音|自由[亚亞]洲|法广|法廣|德国之声|德國之聲|本[报報刊网網站]|佚名|匿名|未知|网友|網友|读者|讀者|同上|不详|不詳|小编|小編|管理[员員]"
    r"|.*(?:社|网|網|报|報|台|站|部|组|組|队|隊|中心|公司|大学|大學|频道|頻道|新闻|新聞|编辑|編輯|综合|綜合|团队|團隊|工作室|协会|協會|影视|影視))",
)
_NOBODY_WORDS = frozenset(
    (
        *(
            "staff",
            "admin",
            "administrator",
            "editor",
            "editors",
            "editorial",
            "newsroom",
            "newsdesk",
            "desk",
            "team",
            "reporter",
            "reporters",
        ),
        *(
            "correspondent",
            "contributor",
            "writer",
            "columnist",
            "guest",
            "agency",
            "agencies",
            "associated",
            "reuters",
            "afp",
            "ap",
            "bloomberg",
        ),
        *(
            "news",
            "press",
            "times",
            "post",
            "unknown",
            "anonymous",
            "webmaster",
            "root",
            "user",
            "author",
            "service",
            "services",
            "media",
            "wire",
        ),
        *("bureau", "magazine", "network", "online", "inc", "ltd", "llc", "company", "corporation"),
    )
)
_PARTICLES = frozenset(
    [
        "al",
        "bin",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "do",
        "dos",
        "du",
        "el",
        "la",
        "le",
        "van",
        "von",
        "y",
        "zu",
    ]
)
_ENGLISH_BEFORE = re.compile(
    r"\A(?:(?:words|text|story|article|written|reported|reporting|posted|published|analysis|opinion"
    r"|guest post)\s+)?by[:\s]+",
    re.IGNORECASE,
)
_ENGLISH_BEHIND = re.compile(r"\s+(?:in|for|at|of|from|on)\s+\S.*\Z")
_DEGREE = re.compile(r",\s*((?:Jr|Sr|PhD|Ph\.D|MD|M\.D|II|III|IV)\b\.?)", re.IGNORECASE)
_INVERTED = re.compile(r"([A-Z][\w'’-]+),\s*([A-Z][\w'’.-]+(?:\s[A-Z]\.?)?)")
# Characters of sentences that occur in no name.
_SENTENCE = re.compile(
    r"[的了是在说說被将將从從这這那我你他她们們吗嗎呢吧]|[\d!?！？。：:“”\"<>《》=_#*]"
)
_WORDS = re.compile(rf"(?![{_CJK}])[^\W\d_](?:(?![{_CJK}])[^\W\d_]|[.'’\s-])*")

# Where bylines are in a text: in brackets near its beginning or end, or on a line of their own.
_BEGINNING, _PARAGRAPHS, _MAX_LINE = 400, 5, 100
_IN_BRACKETS = re.compile(r"[（(【]([^（）()【】]{2,80})[）)】]")
_IS_CREDIT = re.compile(
    rf"(?:{_ROLES})(?!站).*(?:{_VERBS})\s*\Z|(?:撰文|撰写|撰寫|编译|編譯|翻译|翻譯)\s*\Z|(?:\A|[\s，,；;／/])(?:{_AUTHOR_LABELS})\s*[:：／/]\s*\S"
)
_IS_LINE = re.compile(
    rf"(?:作者|撰文|文|记者|記者|编译|編譯|翻译|翻譯|译者|譯者)\s*[:：／/]|.{{0,12}}(?:{_ROLES})(?!站).{{1,30}}(?:{_VERBS})\s*\Z|[Bb][Yy]:?\s+[A-Z]"
)


def names_in(text: str, outlets: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of authors in a byline, each once, without the names of *outlets*.

    >>> names_in("大纪元记者张小山、李四纽约报导")
    ('张小山', '李四')
    >>> names_in("By John Smith and Jane Doe, Staff Writers")
    ('John Smith', 'Jane Doe')
    >>> names_in("文/记者 王五 图/赵六")
    ('王五',)
    """
    text = " ".join(text.split())
    if len(text) > _MAX_BYLINE:
        return ()
    text = " ".join(_ADDRESS.sub(" ", text).split())
    whole = _BRACKETS.fullmatch(text)
    text = _DATE.sub(" ", text[1:-1] if whole else _BRACKETS.sub(" ", text))
    if inverted := _INVERTED.fullmatch(text.strip()):
        text = f"{inverted[2]} {inverted[1]}"
    pieces = (
        piece for part in _own_parts(_DEGREE.sub(r" \1", text)) for piece in _SEPARATOR.split(part)
    )
    names = (name for piece in pieces for name in _names_of(piece) if name not in outlets)
    return tuple(dict.fromkeys(names))


def byline_in(body: Element, outlets: Collection[str] = ()) -> tuple[str, ...]:
    """Return the authors named on a line or in brackets at the beginning or end of a text."""
    for text in _bylines(body):
        if names := names_in(text, outlets):
            return names
    return ()


def _bylines(body: Element) -> Iterator[str]:
    paragraphs = list(body.iter("p", "h4", "h5", "h6"))
    starts, ends = (
        [line for paragraph in some if (line := markup.text_of(paragraph))]
        for some in (paragraphs[:_PARAGRAPHS], paragraphs[-_PARAGRAPHS:])
    )
    beginning = markup.beginning_of(body, _BEGINNING)
    for text in (beginning, *ends):
        yield from (
            found[1] for found in _IN_BRACKETS.finditer(text) if _IS_CREDIT.search(found[1])
        )
    for line in (*starts, *ends):
        if len(line) <= _MAX_LINE and _IS_LINE.match(line):
            yield line


def _own_parts(text: str) -> Iterator[str]:
    """Yield the parts that name authors: before the first label, and after author labels."""
    start, is_own = 0, True
    for label in _LABEL.finditer(text):
        before = text[start : label.start()]
        if is_own and (
            start or not label["own"] or _HAS_CREDIT.search(before)
        ):  # otherwise the text before the label is a title
            yield before
        start, is_own = label.end(), label["own"] is not None
    if is_own:
        yield text[start:]


def _names_of(piece: str) -> Iterator[str]:
    """Yield the names in a piece of a byline: one in letters, and one for each Chinese word."""
    piece = _BEHIND.sub("", piece.strip(" .,:：-–—*#◇＃　"))
    piece = _ENGLISH_BEFORE.sub("", _BEFORE.sub("", piece).strip())
    chinese = piece
    if found := _WORDS.search(piece):
        chinese = piece[: found.start()] + " " + piece[found.end() :]
        name = _ENGLISH_BEHIND.sub("", found[0]).strip(" -")
        is_short = chinese.strip() and name.isupper() and " " not in name  # BBC中文网, 华盛顿DC
        if not is_short:  # Chinese text before such a name is the author's employer
            chinese = piece[found.end() :]
            yield from [name] if _is_worded_name(name) else []
    words = chinese.split()
    words = ["".join(words)] if all(len(word) == 1 for word in words) else words
    for word in words:
        place = _PLACES.search(word)
        name = _BEHIND.sub(
            "", word[: place.start()] if place and place.start() != 1 else word
        ).strip()
        if _is_name(name):
            yield name


def _is_worded_name(name: str) -> bool:
    words = name.split()
    if not 1 < len(name) <= _MAX_NAME or not 0 < len(words) <= _MAX_WORDS:
        return False
    if {word.strip(".").lower() for word in words} & _NOBODY_WORDS or name.lower() == "the":
        return False
    return len(words) == 1 or all(
        not word[0].islower() or word.lower() in _PARTICLES for word in words
    )


def _is_name(name: str) -> bool:
    """Return whether *name*, in a script such as Chinese, may be a name.

    It must have at least two characters.
    """
    max_length = _MAX_DOTTED if re.search(f"[{_DOTS}\u3040-\u30ff]", name) else _MAX_CJK
    is_letters = all(letter.isalpha() or letter in _DOTS for letter in name)
    return (
        1 < len(name) <= max_length
        and is_letters
        and not _SENTENCE.search(name)
        and not _NOBODY.fullmatch(name)
    )
