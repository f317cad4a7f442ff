"""What failures are called: names of types and codes, by class."""

# Types and codes that mean one thing whatever their message says; the last part of a dotted name, without case.
TYPES_SURE = {
    "import": (
        "ModuleNotFoundError ImportError ClassNotFoundException NoClassDefFoundError UnsatisfiedLinkError "
        "LoadError ERR_MODULE_NOT_FOUND MODULE_NOT_FOUND PackageNotFoundError DistributionNotFound "
        "ZipImportError NoSuchMethodError NoSuchFieldError UnsupportedClassVersionError "
        "ERR_PACKAGE_PATH_NOT_EXPORTED ERR_REQUIRE_ESM IncompatibleClassChangeError AbstractMethodError "
        "FileLoadException TypeInitializationException"
    ),
    "dns": (
        "gaierror herror UnknownHostException NameResolutionError ENOTFOUND EAI_AGAIN EAI_NONAME NXDOMAIN "
        "ClientConnectorDNSError NoNameservers UnresolvedAddressException EAI_FAIL"
    ),
    "key": "KeyError NoSuchElementException KeyNotFoundException MissingKeyException",
    "config": (
        "NoSectionError NoOptionError MissingSectionHeaderError DuplicateOptionError DuplicateSectionError "
        "InterpolationError InterpolationMissingOptionError TOMLDecodeError ImproperlyConfigured ConfigError "
        "ConfigurationError ConfigException InvalidConfigurationException MissingPropertyException "
        "SettingsError ArgumentError UsageError BadParameter MissingParameter NoSuchOption "
        "ERR_PARSE_ARGS_UNKNOWN_OPTION ConfigurationPropertiesBindException BadConfig InvalidConfig "
        "ConfigurationException ErrMissingConfig ERR_PARSE_ARGS_INVALID_OPTION_VALUE MissingConfigError "
        "InvalidConfigError"
    ),
    "port": "AddrInUse AddrNotAvailable EADDRINUSE BindException PortInUseException AddrInUse",
    "lock": (
        "OverlappingFileLockException FileLockInterruptionException LockError LockFailed AlreadyLocked "
        "LockTimeout EDEADLK BrokenBarrierError NotLocked LockException ELOCKED LockObtainFailedException"
    ),
    "permission": (
        "PermissionError AccessDeniedException EACCES EPERM UnauthorizedAccessException PermissionDenied "
        "InsufficientPrivilege AccessControlException SecurityException ERR_ACCESS_DENIED"
    ),
    "file_missing": (
        "TemplateNotFound NotFound NotADirectory IsADirectory FileNotFoundError NoSuchFileException ENOENT "
        "NotADirectoryError ENOTDIR DirectoryNotFoundException IsADirectoryError EISDIR NotDirectoryException"
    ),
    "disk": "ENOSPC EDQUOT EROFS EIO DiskFull StorageFull ReadOnlyFileSystemException",
    "memory": (
        "MemoryError OutOfMemoryError OutOfMemoryException ENOMEM bad_alloc _ArrayMemoryError NoMemoryError "
        "ERR_WORKER_OUT_OF_MEMORY OOMKilled OutOfMemory"
    ),
    "fd": "EMFILE ENFILE",
    "db_locked": (
        "SQLITE_BUSY SQLITE_LOCKED LockNotAvailable DeadlockDetected DeadlockLoserDataAccessException "
        "LockAcquisitionException CannotAcquireLockException PessimisticLockException LockWaitTimeout "
        "SerializationFailure"
    ),
    "db_corrupt": (
        "CorruptionError SQLITE_CORRUPT SQLITE_NOTADB DataCorrupted IndexCorrupted CorruptIndexException "
        "CorruptionException"
    ),
    "db_schema": (
        "UndefinedTable UndefinedColumn NoSuchTableError SQLITE_SCHEMA DuplicateTable DuplicateColumn "
        "SchemaManagementException UndefinedFunction SQLGrammarException BadSqlGrammarException "
        "NoSuchColumnError InvalidSchemaName FlywayValidateException ER_NO_SUCH_TABLE ER_BAD_FIELD_ERROR"
    ),
    "syntax": (
        "SyntaxError IndentationError TabError ScannerError ParserError JSONDecodeError JsonParseException "
        "ParseError XMLSyntaxError SAXParseException ExpatError JsonSyntaxException TemplateSyntaxError "
        "MalformedJsonException JsonEOFException PatternSyntaxException SQLSyntaxErrorException SQLITE_SYNTAX "
        "JsonException UnexpectedToken ComposerError YAMLException YAMLParseException YAMLSyntaxError"
    ),
    "type_bug": (
        "MatchError FunctionClauseError CaseClauseError UndefVarError MethodError BoundsError "
        "InvalidOperation TypeError AttributeError NameError UnboundLocalError ZeroDivisionError IndexError "
        "RecursionError NullPointerException ClassCastException ArrayIndexOutOfBoundsException "
        "IndexOutOfBoundsException StringIndexOutOfBoundsException ReferenceError RangeError "
        "ArithmeticException NoMethodError NumberFormatException StackOverflowError "
        "NegativeArraySizeException ConcurrentModificationException NotImplementedError "
        "UnsupportedOperationException UnicodeDecodeError UnicodeEncodeError OverflowError "
        "ArrayStoreException ERR_INVALID_ARG_TYPE NullReferenceException InvalidCastException "
        "FrozenInstanceError ERR_OUT_OF_RANGE ERR_INVALID_ARG_VALUE InputMismatchException "
        "DateTimeParseException EmptyStackException"
    ),
    "tls": (
        "SSLError SSLCertVerificationError SSLHandshakeException SSLException SSLPeerUnverifiedException "
        "CertificateExpiredException CertPathValidatorException CertPathBuilderException SSLZeroReturnError "
        "SSLEOFError CertificateException CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT "
        "SELF_SIGNED_CERT_IN_CHAIN SSLWantReadError UNABLE_TO_VERIFY_LEAF_SIGNATURE "
        "ERR_TLS_CERT_ALTNAME_INVALID SunCertPathBuilderException CertificateNotYetValidException "
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY CertificateError ClientConnectorCertificateError "
        "ValidatorException UnknownIssuer EPROTO"
    ),
    "auth": (
        "Forbidden AuthenticationError AuthenticationException AuthenticationFailed Unauthorized "
        "UnauthorizedException InvalidPassword NoCredentialsError ExpiredTokenException "
        "BadCredentialsException InvalidSignatureError ExpiredSignatureError TokenExpiredError "
        "JsonWebTokenError AuthorizationError BadAuthenticationType SMTPAuthenticationError "
        "InvalidClientTokenId JWTExpired RefreshError InvalidAuthorizationSpecification InvalidTokenError "
        "InvalidToken AuthError PartialCredentialsError DefaultCredentialsError ER_ACCESS_DENIED_ERROR"
    ),
    "timeout": (
        "TimedOut TimeoutError ReadTimeout ConnectTimeout ReadTimeoutError ConnectTimeoutError "
        "SocketTimeoutException TimeoutException TimeoutExpired ETIMEDOUT ESOCKETTIMEDOUT "
        "HttpTimeoutException HttpConnectTimeoutException PoolTimeout DeadlineExceeded ServerTimeoutError "
        "UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT QueryCanceled WriteTimeout CancelledError "
        "SoftTimeLimitExceeded TimeLimitExceeded QueryTimeoutException SQLTimeoutException KafkaTimeoutError "
        "socket.timeout ConnectTimeoutException"
    ),
    "connection": (
        "ConnectionRefused ConnectionReset ConnectionAborted BrokenPipe NotConnected HostUnreachable "
        "NetworkUnreachable ConnectionRefusedError ConnectionResetError ConnectionAbortedError "
        "BrokenPipeError ECONNREFUSED ECONNRESET ECONNABORTED EPIPE EHOSTUNREACH ENETUNREACH ENOTCONN "
        "ConnectException NoRouteToHostException RemoteDisconnected IncompleteRead ServerDisconnectedError "
        "ClientConnectorError NewConnectionError NoBrokersAvailable CommunicationsException EOFException "
        "ClosedChannelException ConnectionClosed ConnectionClosedError ProtocolError UND_ERR_SOCKET "
        "ConnectionDoesNotExistError AMQPConnectionError PortUnreachableException SMTPServerDisconnected "
        "ENETDOWN ECONNCLOSED AsynchronousCloseException ServerSelectionTimeoutError "
        "MongoServerSelectionError MongoNetworkError PROTOCOL_CONNECTION_LOST ConnectError ReadError"
    ),
    "http": (
        "HTTPError HTTPStatusError ClientResponseError HttpClientErrorException HttpServerErrorException "
        "HttpResponseException TooManyRedirects RateLimitError TooManyRequests BadStatusLine ResponseError "
        "ERR_BAD_RESPONSE ERR_BAD_REQUEST HttpStatusException ApiException APIStatusError ContentTypeError "
        "InternalServerError"
    ),
    "assert": "AssertionError ERR_ASSERTION AssertionFailedError ComparisonFailure Failed AssertionFailure",
    "killed": "KeyboardInterrupt SIGKILL SIGTERM SIGINT WorkerLostError SIGHUP",
}

# Types that bear a class only when nothing else does.
TYPES_FAINT = {
    "type_bug": (
        "ValueError IllegalArgumentException IllegalStateException LookupError StopIteration "
        "ArgumentException UnicodeError InvalidOperationException FormatException FloatingPointError "
        "ValidationError EOFError"
    ),
    "http": "HttpException RequestException AxiosError FetchError",
    "connection": "ConnectionError SocketException InterfaceError",
    "tls": "GeneralSecurityException",
    "db_schema": "ProgrammingError IntegrityError ConstraintViolationException SQLITE_CONSTRAINT",
    "lock": "BlockingIOError EAGAIN EWOULDBLOCK FileExistsError EEXIST FileAlreadyExistsException",
    "file_missing": "TemplateNotFound NotFound NotADirectory IsADirectory FileNotFoundException",
}


def _by_name(classes: dict[str, str]) -> dict[str, str]:
    return {name.lower(): kind for kind, names in classes.items() for name in names.split()}


SURE = _by_name(TYPES_SURE)
FAINT = _by_name(TYPES_FAINT)
