"""Small invented pages and feeds in the layouts of the first site, for the tests of several rooms."""

import json
from collections.abc import Iterable
from dataclasses import replace
from html import escape
from pathlib import Path

from feedproxy.configuration import load_mirror
from feedproxy.model import Page, Site, Url

CONFIG = Path(__file__).resolve().parent.parent / "config"
BASE = "https://www.news.example"
LISTING_URL = Url(f"{BASE}/gb/nsc1.htm")
ARTICLE_URL = Url(f"{BASE}/gb/21/11/9/n99000001.htm")

TITLE = "山村石桥 百年后重修"
AUTHOR = "林小舟"
PICTURE = "https://i.news.example/assets/bridge-600x400.jpg"
CAPTION = "石桥旁的老槐树。（山村图片社）"
TAGS = ("石桥", "山村", "A/B 桥")
LAST_WORDS = "天黑以后，桥上的灯第一次亮了起来。"
JUNK = (
    "分享到",
    "字号",
    "本文导读",
    "相关文章",
    "广告招租",
    "热门文章",
    "ad()",
    "ads.example",
    "twitter-widget",
    "adsbygoogle",
    "<iframe",
)

# The same tag in capital and small hexadecimal digits, twice; a tag with a slash; a link that is no tag.
BODY = f"""<p>（大纪元记者{AUTHOR}纽约报导）<a href="{BASE}/gb/tag/%E7%9F%B3%E6%A1%A5.html">石桥</a>
  在清晨
  <b>重新</b>
  开放，
  <a href="{BASE}/gb/tag/%e5%b1%b1%e6%9d%91.html">山村</a>里的人都来看。</p>
  <p>村长说，<a href="{BASE}/gb/tag/%e7%9f%b3%e6%a1%a5.html">石桥</a>用了三年，
  见<a href="{BASE}/gb/21/10/1/n99000007.htm">前文</a>。
  工匠用 iPhone
  手机拍下了每块石头，标签是<a href="/gb/tag/A%2FB%20%E6%A1%A5.html">甲乙桥</a>。</p>
  <h2>过桥的人</h2><p>{LAST_WORDS}</p>"""

_HEAD = """<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title} | 山村新闻</title>
<meta property="og:title" content="{title}"><script>ad()</script><style>.lazy{{opacity:0}}</style></head><body class="gb">
<header id="masthead"><nav class="menu"><ul><li><a href="{base}/gb/nsc2.htm">河谷</a></li>
<li><div class="title"><a href="{base}/gb/21/11/1/n99000101.htm">菜单里的文章</a></div></li></ul></nav></header>
<div id="ad_top" class="ad"><ins class="adsbygoogle"></ins></div>"""
_FOOT = """<aside id="sidebar"><h3>热门文章</h3><div class="one_post"><div class="title">
<a href="{base}/gb/21/11/2/n99000102.htm">边栏里的文章</a></div></div>
<div class="ad">广告招租</div></aside><footer><p>版权所有 © 山村新闻</p></footer><script>ad()</script>
</body></html>"""
_SHARE = '<div class="share_bar"><a href="https://share.example/" onclick="pop(this)">分享到</a><button>字号</button></div>'
_RELATED = f'<div id="recommend_post"><h4>相关文章</h4><ul><li><a href="{BASE}/gb/21/10/2/n99000008.htm">桥的历史</a></li></ul></div>'


def make_site() -> Site:
    """Return a site with the real rules, for hosts of its own."""
    real = load_mirror(CONFIG).sites[0]
    return replace(
        real,
        name="news.example",
        title="山村新闻",
        hosts=("www.news.example", "news.example"),
        picture_hosts=("i.news.example",),
        canonical_url=real.canonical_url.replace("www.epochtimes.com", "www.news.example"),
        article=replace(real.article, name="sites/news.example.toml"),
    )


def make_page(
    text: str, url: Url = ARTICLE_URL, content_type: str = "text/html; charset=utf-8"
) -> Page:
    """Return an answer with *text* as UTF-8."""
    return Page(url, text.encode(), content_type)


def article_url(number: int, script: str = "gb") -> str:
    """Return the address of an invented article."""
    return f"{BASE}/{script}/21/11/9/n{99000000 + number}.htm"


def modern_article(body: str = BODY) -> str:
    """Return an article page in the present layout, with a lazy lead picture."""
    hero = (
        f'<div class="featured_image"><a href="{PICTURE}"><img class="lazy" data-src="{PICTURE}" '
        f'src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><noscript><img alt="石桥" src="{PICTURE}"/></noscript></a>'
        f'<div class="caption">{CAPTION}</div></div>'
    )
    main = (
        f'<article><div class="main_content"><h1 class="title">\n {TITLE}\n</h1>'
        f'<div class="info"><time datetime="2021-11-09T14:05:00+08:00">更新 2021-11-09 14:05</time>{_SHARE}</div>{hero}'
        f'<div class="post_content" id="artbody"><header><h2>本文导读</h2></header><!-- article content begin -->{body}'
        '<!-- article content end --><aside class="inline_ad"><script>ad()</script><p>广告招租</p></aside>'
        '<iframe src="https://ads.example/frame"></iframe><twitter-widget data-id="1"></twitter-widget>'
        f'{_RELATED}<div id="below_article_ad"><ins class="adsbygoogle"></ins></div></div></div></article>'
    )
    return _framed(TITLE, main)


def classic_article(body: str = BODY) -> str:
    """Return the same article in the older layout, with its lead picture in `noscript` alone."""
    hero = (
        f'<div class="featured_image"><noscript><img src="{PICTURE}" alt="石桥"></noscript>'
        f'<div class="caption">{CAPTION}</div></div>'
    )
    main = (
        f'<div class="arttop arttop2"><h1>{TITLE}</h1><span class="date">2021-11-09 14:05 中港台时间</span></div>'
        f'{_SHARE}{hero}<div id="artbody">{body}{_RELATED}</div>'
    )
    return _framed(TITLE, main)


def modern_listing(numbers: Iterable[int], next_url: str = "") -> str:
    """Return an HTML listing in the present layout."""
    rows = "".join(
        f'<div class="one_post"><div class="img"><a href="{article_url(n)}"><img class="lazy" data-src="/a.jpg"></a></div>'
        f'<div class="text"><div class="title"><a href="{article_url(n)}">\n 山村消息第{n}则\n</a></div>'
        f'<div class="excerpt">摘要{n}</div>'
        '<div class="info"><time datetime="2021-11-09T14:05:00+08:00">2021-11-09 14:05</time></div></div></div>'
        for n in numbers
    )
    following = (
        f'<a class="next page-numbers" rel="next" href="{next_url}">下一页</a>' if next_url else ""
    )
    return _framed("山村", f'<div class="post_list left_col">{rows}</div>{_pages(following)}')


def classic_listing(numbers: Iterable[int], next_url: str = "") -> str:
    """Return an HTML listing in the older layout."""
    rows = "".join(
        f'<div class="posts column"><div class="arttitle column"><a href="{article_url(n)}"> 山村消息第{n}则 </a></div>'
        f'<div class="content">摘要{n}</div></div>'
        for n in numbers
    )
    following = f'<a class="next page-numbers" href="{next_url}">下一页</a>' if next_url else ""
    return _framed("山村", f'<div id="artlist">{rows}</div>{_pages(following)}')


def rss_item(
    link: str, title: str = "山村消息", date: str = "Tue, 09 Nov 2021 14:05:00 +0800"
) -> str:
    """Return one item of an RSS feed."""
    dated = f"<pubDate>{date}</pubDate>" if date else ""
    return (
        f'<item><title>{title}</title><link>{escape(link)}</link><guid isPermaLink="false">{escape(link)}</guid>{dated}'
        "<description><![CDATA[石桥边 <b>今天</b>有集市 [&#8230;]]]></description></item>"
    )


def rss(*items: str, encoding: str = "UTF-8") -> str:
    """Return an RSS feed that says it is in *encoding*."""
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<rss version="2.0"><channel><title>山村 - 山村新闻</title>'
        f"<link>{LISTING_URL}</link><description>山村</description><language>zh-CN</language>{''.join(items)}</channel></rss>"
    )


def atom(*links: str, date: str = "2021-11-09T14:05:00+08:00", attributes: str = "") -> str:
    """Return an Atom feed."""
    entries = "".join(
        f'<entry><title type="html">山村消息</title><id>{escape(link)}</id><link rel="alternate" href="{escape(link)}"/>'
        f"<published>{date}</published><updated>{date}</updated>"
        '<summary type="html">石桥边 &lt;b&gt;今天&lt;/b&gt;有集市 […]</summary></entry>'
        for link in links
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"{attributes}><title>山村</title>'
        f"<id>urn:x-village</id><updated>2021-11-09T14:05:00+08:00</updated>{entries}</feed>"
    )


def json_feed(*links: str, date: str = "2021-11-09T14:05:00+08:00") -> str:
    """Return a JSON Feed."""
    items = [
        {
            "id": link,
            "url": link,
            "title": "山村消息",
            "date_published": date,
            "summary": "石桥边 今天有集市 […]",
        }
        for link in links
    ]
    return json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "title": "山村", "items": items},
        ensure_ascii=False,
    )


def _pages(following: str) -> str:
    return f'<nav class="pagination"><a class="page-numbers" href="{BASE}/gb/nsc1_7.htm">7</a>{following}</nav>'


def _framed(title: str, main: str) -> str:
    return _HEAD.format(title=title, base=BASE) + main + _FOOT.format(base=BASE)
