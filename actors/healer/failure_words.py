"""What failures say: wordings by class, as regular expressions without case."""

# Wordings, the more particular first.
MESSAGES_STRONG = (
    (
        "db_corrupt",
        (
            r"disk image is malformed|file is not a database|file is encrypted or is not a database"
            r"|invalid page(?: header)? in block|malformed database schema|marked as crashed"
            r"|corrupt\w*[^.]{0,40}\b(?:block|page|index|table|database|sstable|wal|record|manifest|log "
            r"file|data file|row|btree|heap|tuple|key)"
            r"|(?:database|index|table|page|block|wal|manifest|data file|db)\b[^.]{0,30}\b(?:is |are |wa"
            r"s |been |appears )?(?:corrupt|damaged)|bad file format reading the append only"
            r"|wrong signature trying to load db|valid checkpoint record|\bcorruption:"
            r"|checksum (?:mismatch|error|fail\w*|verification)[^.]{0,60}(?:page|block|database|table|db|wal)"
            r"|(?:page|block|database|db|table)\b[^.]{0,60}checksum|page verification failed"
            r"|integrity check failed|wiredtiger.{0,60}(?:corrupt|checksum|magic)"
            r"|btree(?:initpage)? .{0,30}error|sqlite_corrupt|could not read block \d+"
            r"|freepages|multiple references|unreachable (?:page|unfreed)"
            r"|invalid magic number .{0,30}(?:log|wal)"
        ),
    ),
    (
        "db_locked",
        (
            r"database (?:\w+ |'[^']*' )?is (?:locked|busy)|(?:database )?table is locked|lock wait timeout"
            r"|deadlock (?:detected|found)|could not obtain lock on|lock timeout.{0,20}statement"
            r"|statement due to lock timeout|database may be already in use|could not serialize access"
            r"|locked the database|sqlite_busy|database (?:schema )?is locked|was deadlocked on lock"
            r"|write ?conflict|conflicted with another (?:operation|transaction)|could not serialize"
            r"|lock request time out|ora-00060|ora-00054|another (?:process|instance) .{0,30}database"
            r"|database .{0,40}(?:already (?:opened|locked)|in use by another|being accessed by other users)"
            r"|conflicting lock is held|dblock|innodb: unable to lock"
        ),
    ),
    (
        "db_schema",
        (
            r"no such (?:table|column|index|view|trigger|function|collation sequence)\b"
            r"|unknown (?:column|table|database)\b|has no column|relation \S+ (?:does not|already) exist"
            r"|columns? \S+ (?:of relation \S+ )?(?:does not|doesn't|already) exist"
            r"|table '?\S+'? (?:does not|doesn't|already) exist"
            r"|\btable (?:or view )?\S* ?(?:not found|does not exist)|\d+ columns but \d+ values"
            r"|duplicate column|schema (?:version|mismatch|\S+ does not exist|validation)"
            r"|missing (?:table|column)|invalid (?:object|column) name|ora-009(?:42|04)"
            r"|(?:pending|unapplied|run) migrations?"
            r"|migration .{0,40}(?:fail|not applied|missing|checksum|pending)|database \"[^\"]+\" does not exist"
            r"|unknown database|type \"\w+\" does not exist|datatype mismatch"
            r"|(?:table|index|view|column|relation) [\"'`]?\w+[\"'`]? already exists|constraint failed"
            r"|violates (?:not-null|unique|foreign key|check) constraint|duplicate entry"
            r"|foreign key constraint|no such collection|keyspace .{0,30}does not exist|unconfigured table"
            r"|column not found|function \S+\(.*\) does not exist|data too long for column"
            r"|values for \d+ columns|\btable \S+ not found|database is not up to date"
            r"|schema .{0,30}(?:expected|out of date|newer|older|version)"
        ),
    ),
    (
        "config",
        (r"validation errors? for \w*(?:settings|config)"),
    ),
    (
        "syntax",
        (
            r"syntax ?error|parse error|did not find expected|unterminated string"
            r"|unexpected end of (?:file|input|json)|unexpected newline|unexpected eof (?:while|in|at)"
            r"|mapping values are not"
        ),
    ),
    (
        "memory",
        (
            r"out of memory|cannot allocate memory|heap (?:space|limit|out)|memory allocation of \d+|bad_alloc"
            r"|unable to allocate|failed to allocate|oom[- ]?kill|\boom\b|memory (?:exhausted|limit exceeded)"
            r"|gc overhead|can't start new thread|unable to create (?:new )?native thread|not enough memory"
            r"|insufficient memory|allowed memory size|m?alloc\w* (?:of size \d+ )?failed"
            r"|could not reserve enough space|memory cgroup|metaspace|virtual memory exhausted|os error 12\b"
            r"|maxmemory|memory limit\b|fork: (?:retry: )?resource temporarily unavailable"
            r"|allocation[- ]size\b[^.]{0,60}(?:exceeds|too (?:big|large))|vm\.max_map_count"
        ),
    ),
    (
        "fd",
        (
            r"too many open files|file descriptors? (?:exhausted|limit|available)"
            r"|no file descriptors available|out of file descriptors|filedescriptor out of range"
            r"|limit (?:for|of) (?:the )?(?:number of )?(?:file|inotify) watch\w*|inotify (?:instances|watches)"
            r"|\berror 2[34]\b|fd limit|file table overflow|ran out of .{0,20}(?:fds|descriptors)"
        ),
    ),
    (
        "disk",
        (
            r"unable to extend (?:table|index|segment|lob)"
            r"|no space left|disk (?:quota exceeded|is full|full)|quota exceeded.{0,20}(?:disk|storage|inode)"
            r"|database or disk is full|not enough (?:disk )?space|disk i/o error|input/output error"
            r"|read-only file ?system|out of (?:disk )?space|insufficient (?:disk|storage) space|enospc"
            r"|no (?:free|available) (?:disk )?space|os error (?:28|122|30|5)\b|filesystem (?:is )?full"
            r"|flood stage|low disk|disk usage exceeded|(?:device|volume|filesystem|partition) .{0,30}full"
            r"|0 bytes (?:free|available)|write failed.{0,20}no space|could not extend file"
        ),
    ),
    (
        "lock",
        (
            r"resource deadlock|asleep - deadlock"
            r"|(?:could|can|did|do|un)\W?(?:not|able|t)\b[^.]{0,30}\b(?:acquire|obtain|get|take|lock)\b["
            r"^.]{0,40}\block\b|unable to lock|(?:cannot|could not|can't|failed to) (?:\w+ )?(?:lock|flock)\b"
            r"|\.lock\b[^.]{0,30}(?:exists|held|locked)"
            r"|lock ?file[^\n]{0,60}(?:exist|held|present|in use|belongs|found)"
            r"|already (?:running|locked|being used by)"
            r"|another (?:\w+ )?(?:instance|process|copy)\b[^.]{0,40}(?:running|using|hold|lock|has|owns|is)"
            r"|lock (?:is |was )?(?:\S+ )?(?:held|taken|owned)|held by (?:another|pid|process)"
            r"|stale (?:pid|lock)|pid ?file[^\n]{0,40}(?:exist|found|stale)"
            r"|\block\b[^.]{0,60}(?:could not be acquired|timeout|timed out|not available|unavailable)"
            r"|failed to (?:acquire|obtain|get|take)[^.]{0,40}lock|resource temporarily unavailable"
            r"|is locked by|poison(?:ed|error)|mutex.{0,20}poison|waiting for (?:\w+ )?lock|node lock"
            r"|would block|flock|device or resource busy|text file busy|locked by|lock conflict"
        ),
    ),
    (
        "import",
        (
            r"no module named"
            r"|cannot (?:find|import|load|resolve) (?:module|package|name|library|class|such file)"
            r"|can't (?:locate|load) \S+\.pm|could not find or load main class"
            r"|error (?:while )?loading shared librar|undefined symbol|symbol lookup error"
            r"|cannot find (?:package|module|crate)|can't find (?:crate|package|module)|no required module"
            r"|unresolved import|cannot open shared object|module not found"
            r"|package \S+ (?:does not exist|is not in)|class \"?\S+\"? not found|circular import"
            r"|dll load failed|symbol not found|no such (?:module|package)"
            r"|missing (?:dependenc|module|package|library)|undefined reference"
            r"|unsatisfied (?:dependency|requirement)"
            r"|(?:module|package|plugin|extension|library|dependency) \S+ (?:not found|is not installed|"
            r"no package called|could not be (?:found|loaded|resolved))|can't find package|is not installed"
            r"|no package called|version `[^']+' not found|please install|no matching distribution|in @inc"
            r"|could not load (?:dynamic )?(?:library|plugin|module)|unknown module"
            r"|was compiled against a different node|import (?:statement|declaration)\w*"
            r"|(?:resolve|unresolved|unmet|unsatisfied) (?:\w+ )?dependenc|(?:find|resolve) artifact"
        ),
    ),
    (
        "tls",
        (
            r"certificate|\bx509\b|pkix"
            r"|\bssl(?:v3)?\b(?! connection (?:has been|was|is) closed)(?!mode)(?! = )(?!=)(?!:\w)"
            r"|tls (?:handshake|alert|error|version)|tls:|handshake (?:fail|alert|error)|handshake_failure"
            r"|self[- ]signed|wrong_version_number|unable to verify|hostname mismatch|invalidcertificate"
            r"|unknown ca\b|invalid peer|plaintext connection|trust ?anchor|keystore"
        ),
    ),
    (
        "dns",
        (
            r"name or service not known|name resolution|no such host|nodename nor servname"
            r"|could not resolve(?: host| proxy|.{0,10}address| hostname)"
            r"|(?:cannot|can't|unable to|failed to|couldn't) resolve (?!module|symbol|placeholder|dep|pa"
            r"th|import|config|ref|type)|getaddrinfo|lookup address information|nxdomain|servfail|unknown host"
            r"|temporary failure in name|no address associated|translate host|host not found"
            r"|unknown (?:mysql server|server) host|enotfound|querya |dns\b|lookup \S+ on \S+:53|lookup \S+: "
            r"|bad address '|unresolvable|name does not resolve|name_not_resolved|resolve host"
            r"|domain name not found"
        ),
    ),
    (
        "port",
        (
            r"address (?:already|is already) in use|eaddrinuse|address in use"
            r"|port (?:number )?\d* ?(?:is |was )?(?:already|in use|allocated|taken|unavailable|occupied|busy)"
            r"|port \S+ (?:is |was )?(?:already )?(?:in use|taken|allocated)|only one usage of each socket"
            r"|cannot assign requested address|os error (?:98|99|48)\b|already (?:bound|listening)"
            r"|bind\w*\(?\)?[^.]{0,40}(?:in use|98)|could not bind|failed to bind(?!.*denied)"
            r"|port.{0,20}conflict|connection in use"
        ),
    ),
    (
        "auth",
        (
            r"authenticat\w+ (?:failed|failure|error|required|rejected|is required|denied|credentials|token)"
            r"|access denied for user"
            r"|invalid (?:credential|username|password|user|login|api[- _]?key|token|access[- ]?key|clie"
            r"nt secret|signature|auth|jwt|bearer)"
            r"|(?:token|credential|jwt|session|api[- _]?key|password|secret|access key)s?\b[^.]{0,30}(?:"
            r"expired|invalid|revoked|rejected|incorrect|wrong|missing or invalid)|unauthori[sz]ed"
            r"|permission denied \((?:publickey|password|keyboard|gss)|login (?:failed|incorrect)|noauth"
            r"|wrongpass|(?:no|not|unable to|cannot|failed to) authenticat|not authori[sz]ed|authentication"
            r"|\b40[13]\b(?!\.\d)(?!:\d)(?=.{0,40}(?:unauth|forbidden|client error|denied|status|respons"
            r"e|http))|(?:status|http|code|response|returned|got|error)[^\n]{0,20}\b40[137]\b|forbidden"
            r"|access ?denied\b.{0,30}(?:user|iam|arn|s3|policy)|accessdenied|role \"[^\"]+\" does not exist"
            r"|no pg_hba|bad credentials|incorrect (?:username|password)|wrong password"
            r"|unable to locate credentials|could not load credentials|host key verification failed"
            r"|too many authentication|expiredtoken|signaturedoesnotmatch|invalid_grant|invalid_client"
            r"|no (?:valid )?credentials?\b|kerberos|gssapi|\bldap.{0,20}49\b"
            r"|unauthenticated\b|authorization (?:violation|failed|failure|error|required)"
            r"|denied\b.{0,80}\blog ?in\b|\blog ?in\b.{0,60}\b(?:denied|refused)"
        ),
    ),
    (
        "http",
        (
            r"\b(?:429|5\d\d)\b[^\n]{0,30}(?:too many|internal server|bad gateway|service unavailable|ga"
            r"teway time|server error|response)"
            r"|(?:status(?: code)?|http(?:/\d(?:\.\d)?)?|statuscode|response code|returned error:?|http_"
            r"status|returned|responded with|answered|replied|code)[^\w\n]{0,4}(?:code |error |status |w"
            r"ith |was |of )?(?:an? )?(?:http )?[\[(]?[45]\d\d\b|too many requests|rate limit|bad gateway"
            r"|service unavailable|internal server error|gateway time-?out|not found for url"
            r"|unexpected (?:http )?(?:status|response)|(?:client|server) error\b.{0,30}url|throttl"
            r"|quota exceeded|retry-after|upstream prematurely|method not allowed|unprocessable entity"
            r"|requests per (?:second|minute)|\b(?:404|422) \w+|http error|^error:? [45]\d\d\b|50[0-4] from"
        ),
    ),
    (
        "permission",
        (
            r"permission denied|operation not permitted|access is denied|access denied"
            r"|access to the (?:path|file|port|registry key) .{0,200}is denied"
            r"|insufficient (?:privilege|permission)|must be (?:run as )?(?:root|superuser)"
            r"|os error (?:13|1)\b|readonly database|not (?:permitted|allowed) to|are you root"
            r"|requires? (?:root|superuser|admin)|permissions? [^.]{0,40}(?:too open|wrong|incorrect|insecure)"
            r"|not writable|is not readable|cannot write to|no write access|need to be root|only root"
            r"|unprivileged|permission_denied|eacces|(?:lacks?|missing) .{0,30}permission"
            r"|(?:invalid|wrong|unsafe|bad|incorrect|loose) (?:file |directory )?(?:permissions|ownership)"
            r"|read[- ]only (?:file|directory|transaction|mode)"
        ),
    ),
    (
        "timeout",
        (
            r"timed?[- ]?out\b|timeout|deadline (?:has )?(?:elapsed|exceeded|expired)|deadline_exceeded"
            r"|no response (?:within|after|in)|took too long|time limit|os error 110\b"
            r"|did not (?:respond|complete|finish|become \w+|answer|start) (?:within|in|after)"
            r"|gave up (?:waiting|after \d+ ?(?:s|ms|sec))"
            r"|not (?:ready|available|reachable) (?:within|after) \d|exceeded .{0,20}(?:seconds|ms\b|time)"
            r"|session (?:has )?expired.{0,20}(?:zookeeper|server|quorum)|server .{0,40}session expired"
            r"|watchdog|operation was aborted due to|(?:execution|running|run|response) time\b.{0,30}exceeded"
            r"|\*\* \(exit\) time ?out"
        ),
    ),
    (
        "connection",
        (
            r"connection (?:\w+ )?(?:refused|reset|closed|aborted|lost|failed|terminated|dropped|was clo"
            r"sed|error|shut ?down|broken|timed|limit|pool|interrupted|attempt)|broken pipe|unreachable"
            r"|no route to host|closed the connection"
            r"|(?:could not|can't|cannot|unable to|failed to|couldn't|fail to|failure to) (?:re)?connect"
            r"|connect(?:ion)? (?:to|with) \S+ (?:failed|refused|lost|closed)|actively refused|socket hang up"
            r"|hang up|lost connection|remote end closed|unexpected eof|not connected"
            r"|connect(?:ing)? (?:failed|error)|os error (?:111|104|32|113|101)\b"
            r"|too many (?:clients|connections)|server has gone away|peer (?:closed|disconnected|reset)"
            r"|fetch failed|network (?:error|is down|failure)|disconnected|connectionerror|no brokers"
            r"|(?:could|can|may) not be (?:established|available)|broker.{0,20}(?:not available|down)"
            r"|max retries exceeded|no nodes? available|upstream (?:connect|unavailable)|connect: "
            r"|bad handshake|server closed|host is down|connection slots|econnrefused|econnreset"
            r"|statusunavailable|code = unavailable|transport error|gone away|empty reply from server"
            r"|no (?:servers?|hosts?|listener|endpoints?|backends?|peers?|replicas?)\b(?: \w+)?(?: available\b|$)"
            r"|connection to .{1,80} refused|(?:database|server|system|broker|node) (?:system )?"
            r"is (?:starting up|shutting down|in recovery)"
            r"|end-of-stream|eof detected|refused to connect|is the server running|^eof$"
        ),
    ),
    (
        "assert",
        (
            r"assert(?:ion)?\b[^.\n]{0,200}\bfail|assertion|assert failed|invariant (?:violat|broken|fail)"
            r"|internal error: entered unreachable|check failed|debug_assert|precondition (?:failed|violated)"
            r"|postcondition|sanity check|\bassert\("
        ),
    ),
    (
        "file_missing",
        (
            r"no such file|os error (?:2|20|21)\b"
            r"|(?:can't|cannot|could not|unable to|failed to|couldn't) (?:open|find|stat|access|read|loa"
            r"d|locate)(?! (?:load )?(?:main|config\b)) .{0,80}(?:file|directory|/|\.\w{2,4}\b)"
            r"|(?:file|directory|path|folder)\b[^.:]{0,80}(?:not found|does not exist|doesn't exist|miss"
            r"ing|not exist)|command not found|: not found|not found: ?\S*/|unable to open database file"
            r"|not a directory|is a directory"
            r"|(?:/|\.)[^\s:]+ (?:does not exist|doesn't exist|not found|is missing|missing)|no input file"
            r"|no \w*file found|missing (?:file|directory|input)|cannot find the (?:file|path)|not such file"
            r"|unable to access (?:jarfile|')|no rule to make target|does not exist: ?\S*/|enoent"
            r"|executable .{0,20}not found|not found in \$?path|not recognized as (?:the name|an internal)"
            r"|cannot find path|status=203/exec"
        ),
    ),
)

# Wordings heard when no part of a message has a strong one.
MESSAGES_FAINT = (
    (
        "config",
        (
            r"(?:missing|invalid|unknown|bad|required|unrecogni[sz]ed|undefined|unset|unsupported|illega"
            r"l|unexpected|incorrect|duplicate|deprecated)\b[^.\n]{0,60}\b(?:config\w*|setting|settings|"
            r"option|options|environment variables?|env(?:ironment)? ?var|parameter|argument|arguments|f"
            r"lag|directive|property|key in|section|log ?level|variable)\b"
            r"|(?:config\w*|setting|option|environment variable|env var|directive|property|flag|argument"
            r"|parameter|section)s?\b[^\n]{0,60}(?:missing|invalid|required|not (?:set|found|defined|pro"
            r"vided|recogni[sz]ed|valid|allowed|configured|specified)|unknown|must be|must not|unbound|u"
            r"ndefined|malformed|is not|mismatch|incorrect|error|fail|unsupported|cannot be|conflict|empty)"
            r"|could not resolve placeholder|must be set|is not set\b|unbound variable|parameter not set"
            r"|unrecognized arguments|arguments are required|flag provided but not defined"
            r"|invalid value\b.{0,60}for|(?:required|expected) .{0,40}(?:env|config|setting)"
            r"|in (?:your )?(?:config|settings|\S+\.(?:ya?ml|toml|ini|conf|cfg|env|properties))\b"
            r"|(?:ya?ml|toml|ini|conf|cfg|env|properties)(?:\b|:\d)[^\n]{0,60}(?:invalid|unknown|error|e"
            r"xpected|missing|required)"
            r"|failed to (?:load|parse|read|bind) .{0,20}(?:config|settings|properties)|misconfigur|usage:"
            r"|environ|env ?var|unexpected argument|no value (?:given|provided|supplied)"
            r"|expects? (?:a |an )?(?:value|number|integer|url)|not configured|bad config|no config\w*"
            r"|unknown directive|found argument|mandatory value|configuration"
            r"|(?:invalid|unknown|unrecogni[sz]ed) (?:sub)?command"
            r"|(?-i:\b(?!ERR_|ER_|E_|SQL)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)[^\n]{0,40}\b(?:missing|required"
            r"|(?:is |was )?(?:not set|unset|empty|undefined|blank)|must be|needs to be)"
            r"|(?:key not found|keyerror|no such key)\W{0,4}(?-i:[A-Z][A-Z0-9]*_[A-Z0-9_]+)\b"
            r"|\b(?:missing|required?|set|define|expected|provide|specify|export) (?:\S+ ){0,3}"
            r"(?-i:\b(?!ERR_|ER_|E_|SQL)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b)"
        ),
    ),
    (
        "syntax",
        (
            r"syntax ?error"
            r"|unexpected (?:token|end of (?:file|json|input|data)|character|identifier|symbol|eof while)"
            r"|unterminated|parse error|not well-formed|expected one of|is not valid json"
            r"|invalid (?:json|yaml|xml|syntax)|expecting (?:value|property|'|\")"
            r"|invalid character .{0,40}looking|cannot parse|failed to parse|could not parse"
            r"|parsing (?:error|failed)|mapping values are not|unmatched|found character"
            r"|error: .{0,40}expected|could not compile|unclosed|malformed|missing (?:semicolon|\)|\]|\})"
            r"|expected .{0,20}at line \d+|at line \d+ column \d+|trailing comma|unbalanced|error in your sql"
            r"|reached end of file while parsing|(?:eof|end of (?:input|stream)) while parsing"
            r"|\bline: \d+, column: \d+"
        ),
    ),
    (
        "type_bug",
        (
            r"nil pointer|index out of (?:range|bounds)|null pointer|nullpointer|is not a function"
            r"|cannot read propert|is not defined|undefined is not|cannot set propert|on a `?none`?"
            r"|divi(?:de|sion) by zero|divided by zero|division by 0"
            r"|not an? (?:array|hash|code|scalar|glob) reference|out of bounds"
            r"|invalid (?:literal|digit|operand|cast|type|memory address)|type (?:mismatch|error|conversion)"
            r"|mismatched types|interface conversion|unsupported operand|has no attribute"
            r"|attempt to (?:subtract|add|multiply|divide|negate|call|index|perform) |overflow|not iterable"
            r"|unexpected type|stack level too deep|undefined method|expected .{0,30}(?:got|found|but)"
            r"|not callable|use of uninitialized|can't use (?:an undefined|string)|called on a"
            r"|can't call method|illegal division|integer expression expected|cannot be cast"
            r"|incompatible types|cannot borrow|invalid utf-8|codec can't|negative (?:shift|slice)"
            r"|assignment to entry in nil map|send on closed channel|close of (?:closed|nil) channel"
            r"|concurrent map|slice bounds|makeslice|stack overflow|byte index|char boundary|result::unwrap"
            r"|option::unwrap|option::expect|cannot convert|not a number|non-numeric|can't adapt"
            r"|argument list too long|numeric argument|invalid number|value too great|maximum call stack"
            r"|cannot access .* before init|already (?:mutably )?borrowed"
            r"|call to (?:a |an )?(?:undefined |member )(?:function|method)|\bon (?:null|nil)\b"
            r"|no (?:\w+ )?clause matching|no match of right hand side|function_clause|case_clause"
            r"|bad(?:match|arg|arith)\b"
            r"|instance of '(?:std::)?(?:out_of_range|length_error|logic_error|bad_\w+|invalid_argument|domain_error)'"
            r"|found nil while|null check operator|undefvarerror|methoderror|boundserror|no method matching|empty list"
            r"|non-exhaustive (?:patterns|guards)|refutable pattern|match failure|match_failure|stack_overflow"
            r"|null reference|dereferenc\w+ (?:a )?null|use-after-free|double free|out-of-range|index error"
        ),
    ),
    (
        "key",
        (
            r"key (?:not found|\S+ not found|error|does not exist|missing)|missing key|no such key"
            r"|no entry found for key|no value present|(?:missing|unknown|no) (?:field|key)"
            r"|key .{0,40}(?:not (?:present|in|exist|found)|missing)|not present in map|keyerror"
            r"|field .{0,20}(?:missing|not found|not present)|no such element|no value for key|unknown key"
            r"|does not contain key|key is not an element|exception not_found\b|no such key|key [`'\"]?\S+ not found"
        ),
    ),
    (
        "killed",
        (
            r"\b(?:was|been|is|process|worker|got) (?:oom-?)?killed\b|^killed$"
            r"|\bsig(?:kill|term|segv|bus|int|hup|quit|abrt|ill|fpe)\b|segmentation fault|signal: |core dumped"
            r"|interrupted by|(?:received|caught|fatal|by|with) signal|signal \d+ |bus error"
        ),
    ),
    (
        "key",
        (r"\bkey ['\"]"),
    ),
)
