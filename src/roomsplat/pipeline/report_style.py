"""How the report looks: light and dark, from a phone's width up."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #2f7ed8; --good: #2a9d4b; --fair: #d99a00;
  --poor: #d1453b; --text: #1b1d21; --page: #fdfdfd }
@media (prefers-color-scheme: dark) { :root { --accent: #62a8f0; --good: #4cc27a; --fair: #e8b83a; --poor: #f0716a;
  --text: #e8e9ec; --page: #15171a } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto 4rem; padding: 0 1rem;
  color: var(--text); background: var(--page); overflow-wrap: break-word }
h1 { font-size: 1.6rem; margin-bottom: .2rem; line-height: 1.25 } h2 { font-size: 1.2rem; margin-top: 2.4rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
.figures { display: flex; flex-wrap: wrap; gap: .7rem; padding: 0; list-style: none }
.figures li { border: 1px solid var(--line); border-radius: .5rem; padding: .45rem .9rem; flex: 1 0 7rem }
.figures b { display: block; font-size: 1.3rem; white-space: nowrap }
.figures span, .note, figcaption, .legend, .evidence { opacity: .78; font-size: .9rem }
.advice { padding: 0; list-style: none; display: grid; gap: .6rem; margin: .6rem 0 }
.advice li { border-left: .3rem solid var(--fair); padding: .45rem .9rem; background: var(--soft);
  border-radius: .2rem }
.advice .fine { border-color: var(--good) } .evidence { display: block }
.pair { display: grid; grid-template-columns: repeat(3, 1fr); gap: .3rem; margin: 1rem 0 0 }
.pair img, .lost img { width: 100%; height: auto; border-radius: .3rem; background: var(--soft); display: block }
.pair .empty { display: none } figure { margin: 0 } .pair figcaption { grid-column: 1 / -1 }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1.5rem; align-items: start }
.plan svg { width: 100%; height: auto; max-height: 80vh } .plan text { font: bold 20px system-ui, sans-serif;
  fill: var(--text); text-anchor: middle } .plan .unit { font-size: 15px; text-anchor: start }
.plan path { fill: none } .plan .once { fill: var(--poor) } .plan .few { fill: var(--fair) }
.plan .many { fill: var(--good) } .plan .once { opacity: .6 } .plan .few { opacity: .4 } .plan .many { opacity: .35 }
.plan .path { stroke: var(--accent); stroke-width: 2.5 } .plan .ticks { stroke: var(--accent); opacity: .6 }
.plan .dots { fill: var(--accent) } .plan .start { fill: var(--page); stroke: var(--accent); stroke-width: 3 }
.plan .wall { stroke: var(--text); stroke-width: 2; stroke-dasharray: 6 5; opacity: .6 }
.plan .bar { stroke: var(--text); stroke-width: 2 }
.key { display: inline-block; width: 1em; height: .8em; border-radius: .15em; opacity: .7; margin: 0 .15em 0 .5em }
.key.once, .key.bad { background: var(--poor) } .key.few { background: var(--fair) }
.key.many { background: var(--good) } .key.path, .key.held { background: var(--accent); opacity: 1 }
.key.kept { background: currentColor; opacity: .45 }
.key.path { height: .2em; vertical-align: middle }
.key.start { border: .18em solid var(--accent); border-radius: 50%; width: .8em; height: .8em; opacity: 1 }
.strip { width: 100%; height: 2rem; display: block } .strip path { stroke-width: 2; vector-effect: non-scaling-stroke }
.strip .kept { stroke: currentColor; opacity: .45 } .strip .held { stroke: var(--accent) }
.strip .placed { stroke: var(--fair) } .strip .lost { stroke: var(--poor); stroke-width: 3 }
.key.placed { background: var(--fair) }
.lane { margin: .7rem 0 0 } .lane svg { width: 100%; height: 4rem; display: block; background: var(--soft);
  border-radius: .3rem } .lane path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2 }
.lane .line { stroke: var(--accent) } .lane .bars { stroke: var(--accent); stroke-width: 4 }
.lane .rule { stroke: currentColor; opacity: .5; stroke-width: 1; stroke-dasharray: 4 4 }
.lane .bad { stroke: var(--poor); opacity: .35; stroke-width: 6 }
.axis { display: flex; justify-content: space-between; font-size: .85rem; opacity: .78 }
.lost { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .6rem; margin-top: .8rem }
.floor { width: 100%; max-width: 44rem; height: auto }
.tour { width: 100%; max-width: 40rem; border-radius: .3rem; background: var(--soft) }
table { border-collapse: collapse; max-width: 100% } .wide { overflow-x: auto }
td, th { text-align: left; padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th.n { white-space: normal }
summary { cursor: pointer; margin-top: .8rem }
.warning { border-left: .3rem solid var(--fair); padding: .3rem .8rem; background: var(--soft); margin: .5rem 0 }
@media (max-width: 44rem) { .columns { grid-template-columns: minmax(0, 1fr) }
  .pair { grid-template-columns: 1fr 1fr } td, th { padding-right: .8rem } }
"""
