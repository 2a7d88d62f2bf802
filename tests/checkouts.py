"""An invented git-hosted mirror of the invented site, written into a folder in the mirrors' own form."""

from collections.abc import Iterable
from pathlib import Path

from newsroom import BASE, CHANNELS, STORIES, Story, of_channel

_DAYS = {
    "21/5/1": "2021年5月1日",
    "21/5/2": "2021年5月2日",
    "21/5/3": "2021年5月3日",
    "21/5/4": "2021年5月4日",
}


def markdown_page(story: Story, *, text: str = "", more: str = "") -> str:
    """Return a story's page, pretty-printed as the mirrors' scripts do it; *more* is HTML behind its text."""
    tags = "".join(f'<ok href="{BASE}/tag/{tag}.html">\n   {tag}\n  </ok>' for tag in story.tags)
    image = f'<img alt="{story.title}" src="{BASE}{story.picture}"/>'
    lead = (
        f'<div>{image}\n<div class="caption">\n 图注：{story.title}\n</div></div><hr/>'
        if story.picture
        else ""
    )
    return f"""### {story.title}

---

#### [首页](../../../..?{story.id}) &nbsp;|&nbsp; [文苑](../../../../../letters?{story.id})


{lead}<div class="post_content" id="artbody">
 <!-- article content begin -->
 <p>
  【山城报{_DAYS[story.day]}讯】{text or story.text}
 </p>
 <h4>
  话题
 </h4>
 <p>
  {tags}
 </p>
 <p>
  （记者李明报导）
 </p>
 {more}
 <div id="below_article_ad">
 </div>
</div>


---

原文链接（需翻墙）：{BASE}{story.path}"""


def write_checkout(
    folder: Path,
    section: str = "town",
    stories: Iterable[Story] = STORIES,
    channels: Iterable[str] = CHANNELS,
) -> Path:
    """Write the mirror of one section; return its folder."""
    base, stories = folder / section, tuple(stories)
    for channel in channels:
        (base / "pages" / channel).mkdir(parents=True, exist_ok=True)
        (base / "indexes").mkdir(exist_ok=True)
        listed = of_channel(channel, stories)
        (base / "indexes" / f"{channel}.csv").write_text(
            "".join(f"{each.id},{each.title}\n" for each in listed), "utf-8"
        )
        for story in listed:
            (base / "pages" / channel / f"{story.id}.md").write_text(markdown_page(story), "utf-8")
    (base / "scripts").mkdir(exist_ok=True)
    (base / "scripts" / "index.csv").write_text(
        "".join(f"{channel},{CHANNELS[channel]}\n" for channel in channels), "utf-8"
    )
    return base
