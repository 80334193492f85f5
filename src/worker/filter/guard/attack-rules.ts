// The rules against common attacks. Each has a name for the log and a score; together they come to a sum.
// Expressions run on settled text (plain-text.ts), so they are written for lower case and single spaces. They
// are linear: repetitions are bounded, back-references and look-around are not used (a test sees to it).

import type { AttackRuleName } from '../../../core/attack-rule-names.ts';

/** Where a rule looks: all but `agent` and `fields` is what applications take for input. */
export type RulePlace = 'path' | 'input' | 'fields' | 'agent';

export interface AttackRule {
  readonly name: AttackRuleName;
  /** 5 is sure of itself; less needs another rule beside it. */
  readonly score: number;
  readonly places: readonly RulePlace[];
  readonly pattern: RegExp;
}

const INPUT: readonly RulePlace[] = ['path', 'input'];
const ANY: readonly RulePlace[] = ['path', 'input', 'fields', 'agent'];

const VALUE = String.raw`['"]?[\w.]{1,20}['"]?`;
const HANDLER =
  'on(?:error|load|click|mouse[a-z]{1,6}|focus[a-z]{0,3}|blur|key[a-z]{1,5}|animation[a-z]{1,9}|' +
  'toggle|pointer[a-z]{1,8}|begin|submit|start|wheel|input|change)';

export const attackRules: readonly AttackRule[] = [
  rule('traversal', 5, ANY, [
    /(?:^|[/\\=:,\x01 "'])\.\.[/\\](?:[^\x01]{0,60}[/\\])?\.\.(?:[/\\]|$)/,
    /(?:^|[/\\=:,\x01 "'])\.\.[/\\](?:etc|proc|windows|winnt|boot\.ini|web-inf)/,
    /\.\.\.\.\/\//,
    /\.\.;\//,
  ]),
  rule('traversal-once', 3, INPUT, [/[=/\\]\.\.[/\\]/]),
  rule('system-file', 5, INPUT, [
    /\/etc\/(?:passwd|shadow|sudoers|crontab)\b/,
    /\/proc\/(?:self|version|cpuinfo)\b/,
    /[/\\](?:win|boot|system)\.ini\b/,
    /windows[/\\]system32/,
    /\bweb-inf[/\\]/,
    /\/root\/\.(?:ssh|bash)/,
  ]),
  rule('stream-wrapper', 5, INPUT, [
    /\b(?:php|phar|expect|zip|glob|ogg):\/\/[a-z./]/,
    /\bdata:\/\/text/,
    /[=\x01"]"? ?(?:file|gopher|dict|jar|ldap|netdoc):(?:\/\/|http)/,
  ]),
  rule('metadata-address', 5, INPUT, [
    /\b169\.254\.169\.254\b/,
    /\bmetadata\.google\.internal\b/,
    /\/\/(?:0x7f|2130706433|0177\.)/,
  ]),
  rule('sql-union', 5, ANY, [
    /\bunion[ \n(]{1,3}(?:all |distinct )?[( \n]{0,2}select[ \n(]{0,3}(?:[*'"@0-9(]|null\b|char\(|concat|[\w.]{1,30} ?,|[\w.]{1,30} from (?:users?|accounts?|members?|admins?|customers?|mysql|information_schema|wp_)|[\w.]{1,30} from [a-z_][\w.]{0,30} (?:where|limit) \w{1,30} ?=)/,
  ]),
  rule('sql-tautology', 5, ANY, [
    new RegExp(
      String.raw`['"] ?\)? ?(?:or|and|xor|\|\||&&) ?(?:not )?\(? ?${VALUE} ?(?:=|like|in ?\(|is null)`,
    ),
    /\b[0-9]{1,9} ?\)? (?:or|and) \(? ?[0-9]{1,9} ?= ?[0-9]/,
    /['"] ?\)? ?or (?:true|1) ?(?:--|#|$|\x01)/,
    /\bhaving [0-9] ?= ?[0-9]/,
  ]),
  rule('sql-comment', 5, INPUT, [
    /[\w]['"] ?\)? ?;? ?(?:--|#)[ +-]{0,2}(?:$|\x01)/,
    /['"] ?(?:order|group) by [0-9]/,
    /\border by [0-9]{1,3} ?(?:--|#)/,
  ]),
  rule('sql-statement', 5, INPUT, [
    /['"0-9);] ?; ?(?:drop|truncate|alter|create) (?:table|database|user|schema|login)\b/,
    /['"0-9);] ?; ?(?:insert into|delete from|update [\w.]{1,40} set|shutdown\b|declare @|exec[ (]|select )/,
    /\bselect [^\x01]{1,80} from (?:information_schema|mysql\.|pg_|sys\.|dual\b|sqlite_)/,
    /\binto (?:out|dump)file\b/,
  ]),
  rule('sql-function', 5, ANY, [
    /\b(?:pg_sleep|benchmark|load_file|extractvalue|updatexml|group_concat|xp_cmdshell|xp_dirtree) ?\(/,
    /\b(?:utl_inaddr|utl_http|dbms_pipe|dbms_lock)\./,
    /(?:['"(=] ?|\b(?:and|or|if|select)[ (]{1,2})sleep ?\( ?[0-9]/,
    /\bwaitfor delay ?['"]/,
    /@@(?:version|datadir|hostname)\b/,
    /\bexec (?:master\.|xp_|sp_)/,
    /(?:and|or|,|select) ?\(? ?(?:ascii|substr|substring|mid|ord) ?\( ?\(?(?:select|user|database|version|substr|mid)/,
  ]),
  rule('nosql-operator', 5, INPUT, [
    /\[\$(?:ne|gte?|lte?|regex|where|n?in|exists|or|and)\]/,
    /["'\x01]\$(?:where|ne|gte?|lte?|regex|exists)["'\x01] ?:/,
  ]),
  rule('script-tag', 5, ANY, [
    /<\/?(?:script|iframe|object|embed|applet|frameset|base|svg|math)(?:[ />\n]|$)/,
    new RegExp(String.raw`<[a-z][^>\x01]{0,100}[ /"'\n]${HANDLER} ?=`),
    /<(?:meta|link) [^>\x01]{0,60}(?:http-equiv|rel ?= ?["']?import)/,
    /<[a-z]{1,10} [^>\x01]{0,80}style ?= ?[^>\x01]{0,40}expression ?\(/,
  ]),
  rule('script-attribute', 5, ANY, [
    new RegExp(String.raw`["'][ /\n]{0,2}${HANDLER} ?=`),
    /["'][ /]?(?:src|href|formaction|style) ?= ?["']?(?:javascript:|data:)/,
  ]),
  rule('script-url', 5, ANY, [
    /\bjava[ \n]?script: ?[\w.]{0,30}[(`[/'"%]/,
    /\bvbscript: ?[a-z]/,
    /\bdata:text\/html[;,]/,
  ]),
  rule('script-code', 5, ANY, [
    /\bdocument\.(?:cookie|write|domain|location)\b/,
    /["'`)}] ?[-;+*,] ?(?:alert|confirm|prompt|eval) ?[(`]/,
    /\bstring\.fromcharcode ?\(/,
    /\b(?:eval|settimeout|function) ?\( ?(?:atob|unescape|string\.)/,
  ]),
  rule('template', 5, ANY, [
    /(?:\{\{|\$\{|#\{|<%=|\*\{) ?[0-9]{1,5} ?\* ?['"]?[0-9]/,
    /__(?:class|mro|globals|subclasses|builtins|import)__/,
    /\$\{(?:jndi|lower|upper|env|sys|date|java|ctx|main)?:/,
    /(?:#_memberaccess|%\{ ?\(?#|@java\.lang\.|java\.lang\.runtime|class\.module\.classloader)/,
    /\bt\(java\.lang/,
    /freemarker\.template\.utility/,
  ]),
  rule('code', 5, ANY, [
    /<\?(?:php|=)/,
    /\b(?:passthru|shell_exec|proc_open|call_user_func|base64_decode|file_get_contents|assert|phpinfo) ?\( ?["'$)]/,
    /\b(?:o|c):[0-9]{1,4}:"[a-z_\\]{1,60}":[0-9]/,
    /\bro0ab[xq]/,
    /allow_url_include|auto_prepend_file/,
    /require ?\( ?['"]child_process/,
    /process\.(?:mainmodule|binding)/,
  ]),
  rule('prototype', 5, INPUT, [/__proto__ ?[[.\]"\x01]/, /\bconstructor(?:\[|\.|\]\[)prototype/]),
  rule('command', 5, INPUT, [
    /(?:;|\||&&|&|`|\$\(|\n) ?(?:id|ls|pwd|whoami|uname|ifconfig|netstat|ipconfig|dir|env|ps|w)(?: -[a-z]{1,4})? ?(?:$|[\x01;|&`)])/,
    /(?:;|\||&|`|\$\(|\n) ?(?:cat|head|tail|less|more|ls|rm|cp|find|type) (?:-[a-z]{1,4} )?[/$.~]/,
    /(?:;|\||&|`|\$\(|\n) ?(?:curl|wget|nslookup|ping|dig|nc|ncat|netcat|telnet) (?:-|https?:|[\w-]{1,60}\.[a-z0-9])/,
    /(?:;|\||&|`|\$\(|\n) ?(?:bash|sh|python[23]?|perl|php|ruby) -[a-z]/,
    /(?:;|\||&|`|\$\(|\n) ?sleep [0-9]{1,4} ?(?:$|[\x01;|&`)])/,
    /[=;|&`$( \x01"']\/bin\/(?:(?:ba|z|da|k|c)?sh|cat|ls|id|nc|ping|echo)\b/,
    /\bcmd(?:\.exe)? ?\/c\b|\bpowershell(?:\.exe)? -|\$\{ifs\}|\$ifs\b/,
  ]),
  rule('shellshock', 5, ANY, [/\( ?\) ?\{ ?(?::|_|[a-z]) ?;? ?\}? ?;/]),
  rule('split', 5, INPUT, [
    /[\r\n] ?(?:set-cookie|location|content-type|content-length|transfer-encoding|host|x-[a-z]{1,30}) ?:/,
    /[\r\n] ?http\/[0-9]/,
    /[\r\n](?:get|post|put|delete) \/[^ ]{0,60} http/,
  ]),
  rule('null-byte', 5, INPUT, [/\x00/]),
  rule('overlong', 5, INPUT, [
    /[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]/,
  ]),
  rule('entity', 5, INPUT, [
    /<!entity\b/,
    /<!doctype [^>\x01]{0,60}\[/,
    /<xi:include\b/,
    /<!--# ?(?:exec|include)/,
  ]),
  rule(
    'probe',
    5,
    ['path'],
    [
      /\/\.(?:git|svn|hg|aws|ssh|docker|kube)(?:\/|$)/,
      /\/\.(?:env|htpasswd|htaccess|bash_history|npmrc|netrc|pgpass)(?:$|[./~-])/,
      /\/wp-config\.php[.~_-]/,
      /\/phpunit\/[\w./-]{0,80}eval-stdin\.php/,
      /\/(?:hnap1|boaform|cgi-bin\/luci|gponform|_ignition\/execute-solution|manager\/html)(?:\/|$)/,
      /\.(?:php|asp|aspx|jsp|sql|conf)\.(?:bak|old|orig|swp)$|\/(?:dump|backup|database|db)\.sql(?:\.gz|\.zip)?$/,
      /\/(?:c99|r57|b374k|wso|shell)\.php$/,
    ],
  ),
  rule(
    'scanner',
    5,
    ['agent'],
    [
      /sqlmap|nikto|masscan|zgrab|nessus|acunetix|openvas|dirbuster|gobuster|wpscan|w3af|havij|jaeles|nuclei/,
      /feroxbuster|fuzz faster|whatweb|arachni|netsparker|commix|xsstrike|dalfox|joomscan|skipfish|zmeu|morfeus/,
      /nmap scripting engine|webinspect|\(hydra\)|absinthe|grendel-scan|libwww-perl-scan|wfuzz|dirb\b|cms-?map/,
    ],
  ),
];

/** One expression of several: they are alternatives. */
function rule(
  name: AttackRuleName,
  score: number,
  places: readonly RulePlace[],
  patterns: readonly RegExp[],
): AttackRule {
  return {
    name,
    score,
    places,
    pattern: new RegExp(patterns.map(({ source }) => source).join('|')),
  };
}
